"""The kind `dotfiles`: get them, run their script or link them, once."""

import hashlib
import time
from pathlib import Path

from agent.machine.light import runtime
from agent.settings.everything import Settings
from agent.settings.repository import Repository
from agent.units.clone.retries import tell_failure, was_refused
from agent.units.clone.safe_git import GitError
from agent.units.dotfiles.links import link_all
from agent.units.dotfiles.script import find_script, make_argv
from agent.units.dotfiles.source import Source
from agent.units.marks import Marks
from agent.units.unit import Kind, StoppedError, Work

NAME = "dotfiles"
STAMP = "%Y-%m-%d-%H%M%S"


def find_before(settings: Settings) -> tuple[str, ...]:
    """Return what has to be over first."""
    return ("hooks",) if settings.dotfiles.when == "after" else ()


def carry_out(work: Work) -> None:
    """Do what is due."""
    try:
        Run(work).carry_out()
    except StoppedError:
        work.own.fail("it was stopped", f"devcopilot rerun {NAME}")


KIND = Kind(
    NAME, "your dotfiles", lambda settings: settings.dotfiles.source is not None, carry_out,
    after=find_before,
)  # fmt: skip


class Run:
    """One run."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._own = work.own
        self._settings = work.context.settings.dotfiles
        self._facts = facts = work.context.facts
        self._home = facts.home
        given = self._settings.source
        self._repository = given if isinstance(given, Repository) else None
        folder = self._settings.find_folder(facts.home)
        assert folder  # noqa: S101 - there is a source, or there is no such unit
        self._folder: Path = folder
        self._marks: Marks = self._own.marks()

    def carry_out(self) -> None:
        """Get the dotfiles and install them. Raises StoppedError and OSError."""
        if self._waits_for_token():
            return
        updates = self._settings.update == "start"
        marked = self._marks.is_done(self._make_fingerprint())
        if marked and self._folder.is_dir() and not updates and not self._work.again:
            self._own.done("they were set up before")
            return
        self._own.begin()
        if self._marks.was_interrupted():
            self._own.say("the run before was interrupted; running it again")
        note = ""
        if self._repository:
            try:
                note = self._get(self._repository)
            except GitError as error:
                host = self._find_host(self._repository)
                path = self._repository.path
                tell_failure(self._own, error.failure, self._facts, host, path)
                return
        elif not self._folder.is_dir():
            self._own.fail(f"there is no folder {self._folder}", "fix DEV8_DOTFILES")
            return
        if self._marks.is_done(self._make_fingerprint()) and not self._work.again:
            self._own.done(note or "nothing new came")
            return
        self._marks.set_running(self._make_fingerprint())
        if self._install(note):
            self._marks.set_done(self._make_fingerprint())
        elif not self._work.stopping.is_set():
            self._marks.forget()

    def _get(self, repository: Repository) -> str:
        """Clone or update; return what is worth reporting. Raises GitError."""
        source = Source(self._work, self._own, repository, self._folder)
        if not source.is_there():
            told = source.clone(time.strftime(STAMP, time.gmtime()))
        elif self._settings.update == "start":
            told = source.update()
        else:
            return ""
        return "; ".join(filter(None, (told, source.fetch_submodules())))

    def _make_fingerprint(self) -> str:
        """Return what identifies this work: the commit is part of it if updates are wanted."""
        settings, head = self._settings, ""
        if self._repository and settings.update == "start" and (self._folder / ".git").exists():
            head = Source(self._work, self._own, self._repository, self._folder).find_head()
        words = [str(settings.source), str(self._folder), settings.command, head]
        return hashlib.sha256(repr(words).encode()).hexdigest()

    def _find_host(self, repository: Repository) -> str:
        return repository.find_host(self._work.context.settings.github.host)

    def _waits_for_token(self) -> bool:
        """Return whether the present token has been refused already."""
        if self._repository is None or self._work.again:
            return False
        return was_refused(self._own, self._facts, self._find_host(self._repository))

    def _install(self, note: str) -> bool:
        """Run the command or the script, or make the links; return whether all went well."""
        settings = self._settings
        script = None if settings.command else find_script(self._folder)
        if settings.command:
            argv, name = settings.command, "DEV8_DOTFILES_COMMAND"
        elif script:
            argv, name = make_argv(self._folder, script), script
        else:
            linked = link_all(self._folder, self._home, (self._facts.state,))
            for aside in linked.aside:
                self._own.say(f"moved aside: {aside}")
            for left in linked.left:
                self._own.say(f"not linked, since a folder in use is there: {left}")
            self._finish(note or f"{linked.made} new links")
            return True
        return self._run(argv, name, note)

    def _run(self, argv: tuple[str, ...], name: str, note: str) -> bool:
        limit = self._settings.timeout
        try:
            ended = self._own.run(
                argv, cwd=self._folder, environ={"DEVCOPILOT": "true"}, timeout=limit
            )
        except OSError as error:
            self._own.fail(f"cannot run {name}: {error.strerror}", f"devcopilot log {NAME}")
            return False
        hint = f"devcopilot log {NAME}; devcopilot rerun {NAME}"
        if ended.stopped:
            raise StoppedError
        if ended.timed_out:
            self._own.time_out(limit, f"set DEV8_DOTFILES_TIMEOUT, or fix {name}: {hint}")
        elif ended.code:
            self._own.fail(f"{name} ended with code {ended.code}", hint, ended.code)
        else:
            self._finish(note)
        return ended.good

    def _finish(self, note: str) -> None:
        """Look again at what the agent itself wrote: some of it may be the user's now."""
        self._own.run((*runtime.DEVCOPILOT, "configure"), timeout=60.0)
        self._own.done(note)
