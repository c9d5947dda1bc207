"""Puts a clone where it belongs in one step, or into a folder that has to stay.

Nothing that is there is ever replaced: rename(2) takes the place of an empty folder at most, and
link(2) of nothing at all.
"""

import errno
import os
from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path

GIT = ".git"
"""It is moved last: until then the folder is no repository."""


class InTheWayError(Exception):
    """The folder holds other files under names of the repository."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__(", ".join(paths))
        self.paths = paths


def place(staged: Path, target: Path) -> None:
    """Move a folder to a name that is free. Raises InTheWayError and OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        staged.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise InTheWayError([target.name]) from error
        raise


def merge(staged: Path, target: Path) -> None:
    """Move what is in a folder into another one. Raises InTheWayError, and then moves nothing.

    A file that is there already is no conflict: a run that was killed may have moved it. Raises
    OSError.
    """
    conflicts = sorted(_find_conflicts(staged, target, ""))
    if conflicts:
        raise InTheWayError(conflicts)
    names = sorted(os.listdir(staged), key=lambda name: name == GIT)  # noqa: PTH208
    for name in names:
        _move(staged / name, target / name)


def _find_conflicts(staged: Path, target: Path, above: str) -> Iterator[str]:
    with os.scandir(staged) as entries:
        for entry in entries:
            there, name = target / entry.name, above + entry.name
            if not os.path.lexists(there):
                continue
            if not entry.is_dir(follow_symlinks=False):
                if not _is_same(Path(entry.path), there):
                    yield name
            elif there.is_dir() and not there.is_symlink() and name != GIT:
                yield from _find_conflicts(Path(entry.path), there, f"{name}/")
            else:
                yield name


def _is_same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    return other.is_file() and cmp(one, other, shallow=False)


def _move(staged: Path, target: Path) -> None:
    if not os.path.lexists(target):
        if staged.is_dir() and not staged.is_symlink():
            staged.rename(target)
        else:
            _move_file(staged, target)
    elif staged.is_dir() and not staged.is_symlink():
        for name in os.listdir(staged):  # noqa: PTH208 - names are wanted
            _move(staged / name, target / name)


def _move_file(staged: Path, target: Path) -> None:
    try:
        os.link(staged, target, follow_symlinks=False)
    except FileExistsError:
        raise InTheWayError([target.name]) from None
    except OSError:  # its file system has no links
        staged.rename(target)
