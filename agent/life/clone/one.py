"""Clones one repository: whole, checked, and then in its place with one rename."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.life.clone.causes import Cause, Failure, explain, explain_access
from agent.life.clone.checkout import MissingError
from agent.life.clone.extras import EXTRAS, Extra, ExtraError
from agent.life.clone.fetch import fetch, find_token
from agent.life.clone.git import Git, GitError, StoppedError
from agent.life.clone.placing import InTheWayError, merge, place
from agent.life.clone.target import Place, look
from agent.life.marks import IN_CONTAINER
from agent.life.unit import Unit, Work
from agent.machine import runtime
from agent.settings.repository import WORKSPACE, Repository

STAGING = ".devcopilot-clone-"
"""Begins the name of a folder in the workspace in which a clone is made."""
CACHE_TAG = "CACHEDIR.TAG"
SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n"
"""Backups leave the folder out: https://bford.info/cachedir/."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until the next try where a host does not answer."""
LISTED = 5


class Clone:
    """One repository, and its unit."""

    def __init__(self, work: Work, repository: Repository) -> None:
        context = work.context
        self.repository = repository
        self.unit: Unit = work.part(repository.name)
        self._work = work
        self._facts = context.facts
        self._host = repository.find_host(context.settings.github.host)
        self._url = repository.find_url(context.settings.github.host)
        self._workspace = context.settings.workspace.folder
        self.target = self._workspace / repository.folder
        self._git = Git(self.unit, self._facts, self._url, self.unit.progress)
        self._again = work.is_asked_again(repository.name)

    @property
    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{self._url} {self.target}".encode()).hexdigest()

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
        """Tell how it stands, if nothing is to be done about it; without the network."""
        marks = self.unit.marks()
        if marks.is_done(self._fingerprint) and not self._again:
            if os.path.lexists(self.target):
                self.unit.done("it was cloned before")
            else:
                self.unit.skip("you removed it", f"devcopilot rerun {self.unit.name}")
            return True
        found = look(
            self._git, self.target, self._url, is_workspace=self.repository.folder == WORKSPACE
        )
        if found.place is Place.THERE:
            marks.set_done(self._fingerprint)
            self.unit.done("it is there already")
            return True
        if found.place is Place.BLOCKED:
            self.unit.skip(found.reason, found.hint)
            return True
        tried = self.unit.marks(IN_CONTAINER)
        if tried.is_done(find_token(self._facts, self._host)) and not self._again:
            return True  # it waits for another token, and says so
        self._shared = found.place is Place.SHARED
        return False

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
            marks.set_done(self._fingerprint)
            self.unit.fail(f"{error}; the default branch is checked out", error.hint)
        except InTheWayError as error:
            marks.forget()
            shown = ", ".join(error.paths[:LISTED]) + (", …" if len(error.paths) > LISTED else "")
            self.unit.fail(
                f"{self.target} has files of the same names: {shown}",
                f"move them away, then: devcopilot rerun {self.unit.name}",
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
        folder = self._workspace / f"{STAGING}{self._fingerprint[:8]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(0o700)
        try:
            runtime.write_atomic(str(folder / CACHE_TAG), SIGNATURE, 0o644)
            yield folder / "clone"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _explain(self, failure: Failure) -> None:
        """Tell what went wrong, and what happens next."""
        host, name = self._host, self.repository.path
        cause = failure.cause
        if cause is Cause.NETWORK:
            pause = self.unit.retry_in(FIRST_PAUSE, LONGEST_PAUSE)
            self.unit.wait(f"{host} does not answer: {failure.said}", f"next try in {pause:.0f} s")
            return
        if cause.waits_for_token:
            self.unit.marks(IN_CONTAINER).set_done(find_token(self._facts, self._host))
            self.unit.wait(*explain_access(cause, host, name))
            return
        reason, hint = explain(failure, host, f"devcopilot rerun {self.unit.name}")
        self.unit.fail(reason, hint or f"devcopilot log {self.unit.name}", failure.code)

    def _fetch_extras(self) -> Iterator[Unit]:
        """Yield the units of what the repository has beside its own files."""
        for extra in EXTRAS:
            if extra.is_wanted(self.repository) and self.target.is_dir():
                part = f"{self.repository.name}:{extra.name}"
                unit = self._work.part(part)
                marks = unit.marks()
                again = self._again or self._work.is_asked_again(part)
                if marks.is_done(self._fingerprint) and not again:
                    continue
                git = Git(unit, self._facts, self._url, unit.progress)
                if extra.is_there(git, self.target, self._facts):
                    self._fetch_extra(extra, git, unit)
                    yield unit
                else:
                    marks.set_done(self._fingerprint)

    def _fetch_extra(self, extra: Extra, git: Git, unit: Unit) -> None:
        """Fetch one; what fails leaves the clone as it is. Raises StoppedError."""
        unit.begin()
        hint = f"devcopilot rerun {unit.name}"
        try:
            extra.fetch(git, self.target, self.repository, unit)
        except ExtraError as error:
            unit.fail(str(error), error.hint or hint)
        except GitError as error:
            unit.fail(error.failure.said, hint, error.failure.code)
        else:
            unit.marks().set_done(self._fingerprint)
            unit.done()
