"""Moving what was unpacked into the workspace: no link is followed, no folder of its is opened up.

Folders are held open and named by nobody, so that nothing that somebody puts in the way meanwhile
leads elsewhere.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from agent.backup.restore.unsaved_changes import Kin, find_kin, reads_as_database
from agent.machine.storage import folders


@dataclass
class Merged:
    """What became of moving the files in."""

    replaced: int = 0
    """Files that were in the way."""
    kept: list[Path] = field(default_factory=list)
    """What was in the way of something else of its name; it has this name now."""


Keeper = Callable[[Kin], Path]
"""Takes a file that is in the way, and what belongs to it; says to which folder they are moved."""


def merge(tree: Path, target: Path, keeper: Keeper, suffix: str) -> Merged:
    """Move what is in a folder into another one on the same file system.

    Files in the way are moved to the folder that `keeper` names, by the same relative paths; what
    else is there stays. A folder in the way of a file is renamed: `suffix` is added. `target`
    itself keeps its mode, whatever that of `tree` is. Raises OSError, also when `tree` is no
    folder.
    """
    merger = _Merger(target, keeper, suffix)
    mode = stat.S_IMODE(target.stat().st_mode)
    with folders.open_top(tree, follow=False) as source, folders.open_top(target) as place:
        try:
            merger.move_in(source, place, Path())
        finally:
            if stat.S_IMODE(os.fstat(place).st_mode) != mode:
                os.fchmod(place, mode)
    return merger.merged


class _Merger:
    def __init__(self, target: Path, keeper: Keeper, suffix: str) -> None:
        self.merged = Merged()
        self._target = target
        self._keeper = keeper
        self._suffix = suffix

    def move_in(self, source: int, target: int, way: Path) -> None:
        """Move what is in one open folder into another; `way`: where that is, below the target."""
        for name in sorted(os.listdir(source)):
            kind, in_way = folders.find_kind(name, source), folders.find_kind(name, target)
            if kind == in_way == stat.S_IFDIR:
                self._move_into(source, target, way / name)
                continue
            if in_way == stat.S_IFDIR:
                aside = f"{name}{self._suffix}"
                os.rename(name, aside, src_dir_fd=target, dst_dir_fd=target)
                self.merged.kept.append(self._target / way / aside)
            elif in_way is not None:
                self._set_aside(target, way / name)
            _rename(source, target, name)

    def _set_aside(self, target: int, way: Path) -> None:
        """Move a file to where the keeper wants it.

        What SQLite keeps beside a database goes with it: to the new one it is another's changes.
        """
        path = self._target / way
        kin = find_kin(path, target)
        if not reads_as_database(path):
            kin = [(item, at) for item, at in kin if item == path]
        place = self._keeper(kin) / way.parent
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for item, _ in kin:
            os.rename(item.name, place / item.name, src_dir_fd=target)
        self.merged.replaced += 1

    def _move_into(self, source: int, target: int, way: Path) -> None:
        was = os.stat(way.name, dir_fd=source, follow_symlinks=False)
        with folders.open_inner(source, way.name) as inner:  # noqa: SIM117 - in this order
            with folders.open_inner(target, way.name) as place:
                self.move_in(inner, place, way)
                folders.set_like(place, was)


def _rename(source: int, target: int, name: str) -> None:
    """Move one thing, also a folder that is read-only: its `..` changes."""
    was = os.stat(name, dir_fd=source, follow_symlinks=False)
    if stat.S_ISDIR(was.st_mode) and not was.st_mode & stat.S_IWUSR:
        with folders.open_inner(source, name) as inner:
            os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
            with suppress(PermissionError):
                os.fchmod(inner, stat.S_IMODE(was.st_mode))
    else:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
