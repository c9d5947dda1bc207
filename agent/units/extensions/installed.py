"""The extensions that are there: for code-server, and for VS Code over SSH."""

import shutil
from functools import partial
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.system import Facts, System
from agent.services.code_server import find_extensions
from agent.services.extension_list import change_registry, make_entry, read_entries

LIST = "extensions.json"
REMOTE = ".vscode-server/extensions"
"""Below the home: of the server that VS Code starts over SSH."""


class Folder:
    """A folder of extensions, with VS Code's list of them."""

    def __init__(self, facts: Facts, path: Path) -> None:
        self.path = path
        self._facts = facts

    @property
    def exists(self) -> bool:
        """Return whether anything has ever been installed here."""
        return (self.path / LIST).exists()

    def read(self) -> dict[str, str]:
        """Return identifier, in lower case -> version. Raises OSError."""
        entries = read_entries(self._facts.read(self.path / LIST))
        return {name: str(entry.get("version", "")) for name, entry in entries.items()}

    def find(self, identifier: str) -> Path | None:
        """Return the folder of one extension. Raises OSError."""
        entry = read_entries(self._facts.read(self.path / LIST)).get(identifier, {})
        name = entry.get("relativeLocation")
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            return None
        return self.path / name

    def take(self, source: "Folder", identifier: str) -> Problem | None:
        """Have what another folder has of an extension. Raises OSError.

        It is copied beside its place and renamed, and only then listed: whoever reads the list
        finds all of it.
        """
        there, version = source.find(identifier), source.read().get(identifier, "")
        if there is None or not there.is_dir():
            return None
        place = self.path / there.name
        if not place.exists():
            new = self.path / f".new-{there.name}"
            shutil.rmtree(new, ignore_errors=True)
            self.path.mkdir(0o755, parents=True, exist_ok=True)
            shutil.copytree(there, new, symlinks=True)
            new.rename(place)
        path = self.path / LIST
        entry = make_entry(identifier, version, place)
        change = partial(change_registry, path, identifier, entry)
        present = self._facts.read(path)
        content = change(present)
        if isinstance(content, Problem):
            return content
        if content is not None and content != present:
            System(self._facts.environ).write_file(path, content, 0o644)
        return None


def find_browser(facts: Facts) -> Folder:
    """Return the extensions of code-server."""
    return Folder(facts, find_extensions(facts))


def find_remote(facts: Facts) -> Folder:
    """Return the extensions of VS Code over SSH."""
    return Folder(facts, facts.home / REMOTE)
