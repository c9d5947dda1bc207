"""The changes of the machine that a plan consists of: each says what it does, and does it."""

from dataclasses import field
from pathlib import Path
from typing import Protocol

from agent.machine.system import System
from agent.machine.values import frozen


class Action(Protocol):
    """One change of the machine."""

    @property
    def path(self) -> Path:
        """Return what is changed."""

    def describe(self) -> str:
        """Return the change as one line without secrets."""

    def apply(self, system: System) -> None:
        """Make the change. Raises OSError."""


@frozen
class MakeDirectory:
    """Make a folder."""

    path: Path
    mode: int

    def describe(self) -> str:  # noqa: D102
        return f"make folder {self.path} ({self.mode:04o})"

    def apply(self, system: System) -> None:  # noqa: D102
        system.make_directory(self.path, self.mode)


@frozen
class ChangeMode:
    """Change the mode of what is there."""

    path: Path
    mode: int

    def describe(self) -> str:  # noqa: D102
        return f"set the mode of {self.path} to {self.mode:04o}"

    def apply(self, system: System) -> None:  # noqa: D102
        system.change_mode(self.path, self.mode)


@frozen
class WriteFile:
    """Write a whole file."""

    path: Path
    content: bytes = field(repr=False)
    mode: int
    owned: bool
    announcement: str = field(default="", repr=False)
    """Told once in the log, when the file was written."""
    durable: bool = False
    """Nobody can make its content again: it must outlive a power cut."""

    def describe(self) -> str:  # noqa: D102
        return f"write {self.path} ({len(self.content)} bytes, {self.mode:04o})"

    def apply(self, system: System) -> None:  # noqa: D102
        system.write_file(self.path, self.content, self.mode, durable=self.durable)


@frozen
class RemoveFile:
    """Take back a file."""

    path: Path

    def describe(self) -> str:  # noqa: D102
        return f"remove {self.path}"

    def apply(self, system: System) -> None:  # noqa: D102
        system.remove_file(self.path)


@frozen
class RunCommand:
    """Run a command that makes a file."""

    path: Path
    argv: tuple[str, ...]

    def describe(self) -> str:  # noqa: D102
        return f"make {self.path} with {self.argv[0]}"

    def apply(self, system: System) -> None:  # noqa: D102
        system.make_directory(self.path.parent, 0o700)
        system.run((*self.argv, str(self.path)))
