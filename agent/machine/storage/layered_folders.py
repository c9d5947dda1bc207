"""Folders of settings in layers: the user's files, and those of the image below them."""

from collections.abc import Iterator
from pathlib import Path

from agent.machine.errors import Problem

USER = ".config/devcopilot"
"""In the home folder."""
SYSTEM = Path("/etc/devcopilot")
"""Of the image, or a mount."""


def find_files(user: Path, system: Path) -> Iterator[Path | Problem]:
    """Yield the TOML files of both folders, sorted, and a Problem for a folder that is unreadable.

    A file of the user replaces the system's of the same name (in any case), even a faulty one:
    the other would be another host or another program.
    """
    taken: set[str] = set()
    for folder in (user, system):
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield Problem(f"cannot read {folder}: {error.strerror}")
            continue
        for path in files:
            if path.stem.lower() not in taken:
                taken.add(path.stem.lower())
                yield path
