"""Clones one repository: whole, checked, and then in its place with one rename."""

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from agent.machine.light import runtime
from agent.machine.network import ssh_host_key
from agent.machine.programs.git_failures import Cause, Failure
from agent.machine.storage.folders import CACHE_SIGNATURE, CACHE_TAG
from agent.machine.storage.volumes import find_top
from agent.settings.everything import Settings
from agent.settings.repository import OURS, WORKSPACE, Repository
from agent.units.clone.checkout import MissingError, find_missing
from agent.units.clone.destination import Place, is_same, look
from agent.units.clone.fetch import fetch
from agent.units.clone.placing import InTheWayError, merge, place
from agent.units.clone.retries import tell_failure, was_refused
from agent.units.clone.safe_git import Git, GitError
from agent.units.clone.submodules import EXTRAS, LFS, Extra, ExtraError
from agent.units.unit import StoppedError, Unit, Work

STAGING = f"{OURS}clone-"
"""Begins the name of a folder in the workspace in which a clone is made."""
LISTED = 5
SET_FOLDER = "set dir=NAME in DEV8_REPOSITORIES"
"""What has a clone that the settings ask for made in another folder, for a hint."""


class Clone:
    """One repository, and its unit."""

    def __init__(self, work: Work, repository: Repository) -> None:
        context = work.context
        self.repository = repository
        self.unit: Unit = work.part(repository.name, find_command(repository, context.settings))
        self._work = work
        self._facts = context.facts
        self._host = repository.find_host(context.settings.github.host)
        self._url = repository.find_url(context.settings.github.host)
        self._workspace = context.settings.workspace.folder
        self.target = self._workspace / repository.folder
        self._again = work.is_asked_again(repository.name)

    @cached_property
    def _git(self) -> Git:
        """Made when it is needed: a start with everything done runs no git at all."""
        return Git(self.unit, self._facts, self._url)

    @cached_property
    def _fingerprint(self) -> str:
        """What identifies this work, also among those on other volumes: marks are kept at home."""
        try:
            volume = self._workspace.stat().st_ino
        except OSError:
            volume = 0
        return hashlib.sha256(f"{volume} {self._url} {self.target}".encode()).hexdigest()

    def carry_out(self) -> list[Unit]:
        """Clone it if it is not there; return its units. Raises OSError."""
        try:
            if not self._is_settled():
                self._clone()
            if self.unit.state == "done":
                return [self.unit, *self._fetch_extras()]
        except StoppedError:
            pass
        return [self.unit]

    def _is_settled(self) -> bool:
        """Set the state if there is nothing to do, and return whether that is so. No network."""
        marks = self.unit.marks()
        if marks.is_done(self._fingerprint) and not self._again:
            if os.path.lexists(self.target):
                self.unit.done("it was cloned before")
            else:
                self.unit.skip("you removed it", f"devcopilot rerun {self.unit.name}")
            return True
        elsewhere = suggest_folder(self.repository) if self.unit.by_hand else SET_FOLDER
        is_workspace = self.repository.folder == WORKSPACE
        found = look(self._git, self.target, self._url, elsewhere, is_workspace=is_workspace)
        if found.place is Place.THERE:
            self._take_as_it_is()
            return True
        if found.place is Place.BLOCKED:
            self.unit.skip(found.reason, found.hint)
            return True
        self._shared = found.place is Place.SHARED
        if not self._is_inside():
            self.unit.fail(f"{self.target} leads out of the workspace, by a link", elsewhere)
            return True
        # If it is settled, it waits for another token, and says so.
        return was_refused(self.unit, self._facts, self._host) and not self._again

    def _take_as_it_is(self) -> None:
        """Accept a clone that is there: a user's, or one that a backup has brought back.

        What to check out is now its owner's business; a missing reference is reported again.
        """
        missing = find_missing(self._git, self.target, self.repository)
        if missing:
            self.unit.fail(f"{missing}; the clone stays as it is", missing.hint)
        else:
            self.unit.marks().set_done(self._fingerprint)
            self.unit.done("it is there already")

    def _is_inside(self) -> bool:
        """Return whether no link on the way leads out of the workspace."""
        top = os.path.realpath(self._workspace)
        above = self.target if self._shared else self.target.parent
        return f"{os.path.realpath(above)}/".startswith(f"{top.rstrip('/')}/")

    def _clone(self) -> None:
        marks = self.unit.marks()
        interrupted = marks.was_interrupted()
        self.unit.begin()
        if interrupted:
            self.unit.say("the last run was interrupted: it begins again")
        marks.set_running(self._fingerprint)
        try:
            with self._staging() as staged:
                told = self._fetch(staged)
                self._put(staged)
        except MissingError as error:
            marks.forget()
            self.unit.fail(f"{error}; the default branch is checked out", error.hint)
        except InTheWayError as error:
            marks.forget()
            shown = ", ".join(error.paths[:LISTED]) + (", …" if len(error.paths) > LISTED else "")
            self.unit.fail(
                f"{self.target} has files of the same names: {shown}",
                f"move them away, then: {self.unit.again}",
            )
        except GitError as error:
            marks.forget()
            self._explain(error.failure)
        else:
            marks.set_done(self._fingerprint)
            self.unit.done(told)

    def _fetch(self, staged: Path) -> str:
        """Clone into a folder of our own, and fill it. Raises GitError and MissingError."""
        try:
            return fetch(self._git, self._url, self.repository, staged)
        except MissingError:
            self._put(staged)  # the default branch is better than nothing
            raise

    def _put(self, staged: Path) -> None:
        """Bring the clone to its place. Raises InTheWayError and OSError."""
        if not staged.exists():
            return
        if self._shared:
            self.target.mkdir(parents=True, exist_ok=True)
            merge(staged, self.target)
        else:
            place(staged, self.target)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """Yield a name in a folder of our own, on the same file system as the target."""
        self._workspace.mkdir(parents=True, exist_ok=True)
        folder = find_beside(self.target) / f"{STAGING}{self._fingerprint[:8]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(0o700)
        try:
            # Backups leave the folder out.
            runtime.write_atomic(str(folder / CACHE_TAG), CACHE_SIGNATURE + b"\n", 0o644)
            yield folder / "clone"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _explain(self, failure: Failure) -> None:
        """Report what went wrong, and what happens next."""
        if failure.cause is Cause.HOST_KEY:
            reason, hint = ssh_host_key.explain(self._url, failure.said, self._facts)
            self.unit.fail(reason, f"{hint}; {self.unit.again}", failure.code)
        else:
            tell_failure(self.unit, failure, self._facts, self._host, self.repository.path)

    def _fetch_extras(self) -> Iterator[Unit]:
        """Yield the units of what the repository has beside its own files."""
        for extra in EXTRAS:
            if extra.is_wanted(self.repository) and self.target.is_dir():
                part = f"{self.repository.name}:{extra.name}"
                unit = self._work.part(part, self.unit.by_hand)
                marks = unit.marks()
                again = self._again or self._work.is_asked_again(part)
                if marks.is_done(self._fingerprint) and not again:
                    continue
                git = self._git.pass_on(unit, lfs=extra is LFS)
                if extra.is_there(git, self.target, self._facts):
                    self._fetch_extra(extra, git, unit)
                    yield unit
                else:
                    marks.set_done(self._fingerprint)

    def _fetch_extra(self, extra: Extra, git: Git, unit: Unit) -> None:
        """Fetch one; what fails leaves the clone as it is. Raises StoppedError."""
        unit.begin()
        try:
            extra.fetch(git, self.target, self.repository, unit)
        except ExtraError as error:
            unit.fail(str(error), error.hint or unit.again)
        except GitError as error:
            unit.fail(error.failure.said, unit.again, error.failure.code)
        else:
            unit.marks().set_done(self._fingerprint)
            unit.done()


def find_command(repository: Repository, settings: Settings) -> str:
    """Return the command that clones what only a person asks for; empty: the settings do."""
    host = settings.github.host
    if any(_are_alike(repository, each, host) for each in settings.repositories.entries or ()):
        return ""
    return format_command(repository.entry)


def suggest_folder(repository: Repository) -> str:
    """Return what a person types to have it in another folder, for a hint."""
    words = [word for word in repository.entry.split() if not word.startswith("dir=")]
    return f"clone it into another folder: {format_command(' '.join((*words, 'dir=NAME')))}"


def format_command(entry: str) -> str:
    """Return the command that clones one repository."""
    return f"devcopilot clone {shlex.quote(entry)}"


def _are_alike(one: Repository, other: Repository, gh_host: str) -> bool:
    """Return whether both mean the same clone, however its address is written."""
    options = [replace(each, path="", host="", url="") for each in (one, other)]
    return options[0] == options[1] and is_same(one.find_url(gh_host), other.find_url(gh_host))


def find_beside(target: Path) -> Path:
    """Return the folder in which a clone is made: on the file system of its target.

    It is the target itself if that has to stay: a mount, or one that is not empty.
    """
    with suppress(OSError):
        if os.path.ismount(target) or any(target.iterdir()):
            return target
    return find_top(target.parent)
