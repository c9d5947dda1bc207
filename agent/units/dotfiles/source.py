"""Gets the dotfiles: cloned once, brought up to date when that is asked for.

git sends a token only where a host asks for one: a public repository comes with a bad token, too.
"""

import os
import shutil
import tempfile
from pathlib import Path

from agent.machine.storage import folders
from agent.settings.repository import Repository
from agent.units.clone.checkout import ORIGIN, MissingError
from agent.units.clone.destination import is_same
from agent.units.clone.fetch import fetch
from agent.units.clone.placing import place
from agent.units.clone.safe_git import Git, GitError
from agent.units.clone.submodules import SUBMODULES, ExtraError
from agent.units.unit import Unit, Work

PARTIAL = ".dotfiles.partial-"


class Source:
    """A repository of dotfiles, and the folder where it lies."""

    def __init__(self, work: Work, unit: Unit, repository: Repository, folder: Path) -> None:
        self._unit = unit
        self._repository = repository
        self._folder = folder
        self._url = repository.find_url(work.context.settings.github.host)
        self._facts = work.context.facts
        self._git = Git(unit, work.context.facts, self._url)

    def find_origin(self) -> str | None:
        """Return where the clone in the folder came from; None: it is none, or there is nothing."""
        if not (self._folder / ".git").exists():
            return None
        said = self._git.ask("config", "--get", f"remote.{ORIGIN}.url", cwd=self._folder)
        return (said or "").strip()

    def is_there(self) -> bool:
        """Return whether the folder holds this very repository."""
        origin = self.find_origin()
        return bool(origin) and is_same(str(origin), self._url)

    def find_head(self) -> str:
        """Return the commit that is checked out; empty if there is none."""
        return (self._git.ask("rev-parse", "HEAD", cwd=self._folder) or "").strip()

    def clone(self, stamp: str) -> str:
        """Clone into the folder; what else is there moves aside. Return what is worth reporting.

        `stamp` is for the name of what moves. Raises GitError, StoppedError and OSError.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        remove_left(self._folder.parent)
        staged = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=self._folder.parent))
        try:
            told = self._fill(staged / "clone")
            if os.path.lexists(self._folder):
                old = self._folder.with_name(f"{self._folder.name}.{stamp}")
                self._folder.rename(old)
                self._unit.say(f"what was in {self._folder} is now {old}")
            place(staged / "clone", self._folder)
            return told
        finally:
            folders.remove_tree(staged)

    def _fill(self, folder: Path) -> str:
        try:
            return fetch(self._git, self._url, self._repository, folder)
        except MissingError as error:
            return f"{error}; its default branch is checked out"

    def update(self) -> str:
        """Bring the clone up to date, as far as nothing of the user's is in the way.

        Return why it could not be, or an empty text. Raises StoppedError.
        """
        words = ("pull", "--ff-only", "--no-rebase", "--no-recurse-submodules")
        try:
            self._git.run(*words, cwd=self._folder)
        except GitError as error:
            return f"not brought up to date: {error.failure.said}"
        return ""

    def fetch_submodules(self) -> str:
        """Fetch the submodules; return why one cannot be had, or an empty text.

        A dead one does not cost the dotfiles. Raises StoppedError.
        """
        if not SUBMODULES.is_wanted(self._repository):
            return ""
        try:
            if SUBMODULES.is_there(self._git, self._folder, self._facts):
                SUBMODULES.fetch(self._git, self._folder, self._repository, self._unit)
        except ExtraError as error:
            return str(error)
        return ""


def remove_left(folder: Path) -> None:
    """Remove what runs that were killed have left."""
    for left in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(left, ignore_errors=True)
