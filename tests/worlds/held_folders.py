"""Temporary folders that a killed run does not leave behind for good: the next removes them."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HELD = ".held-by-tests"
"""A file that is locked as long as its folder is in use. A folder without it is somebody else's."""


@contextmanager
def held_folder(prefix: str) -> Iterator[Path]:
    """Yield a new folder below that for temporary files, which others may enter."""
    folder, lock = make_folder(prefix)
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def make_folder(prefix: str) -> tuple[Path, int]:
    """Make such a folder, which nobody else may enter; remove those of runs that are over.

    Return it with the descriptor of its lock, which the end of the process closes as well.
    """
    top = Path(tempfile.gettempdir())
    remove_abandoned(top, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=top))
    beginning = folder / f"{HELD}.new"
    lock = os.open(beginning, os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    beginning.rename(folder / HELD)  # nobody finds it unlocked
    return folder, lock


def remove_abandoned(top: Path, prefix: str) -> None:
    """Remove the folders of runs that are over."""
    for folder in top.glob(f"{prefix}*"):
        with suppress(OSError):
            if folder.is_symlink():
                continue
            with (folder / HELD).open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # in use: BlockingIOError
                shutil.rmtree(folder, ignore_errors=True)
