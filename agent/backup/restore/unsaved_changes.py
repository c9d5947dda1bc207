"""Finds what people save during a restore, which its safety backup does not hold.

People go on working while it is made, and while it is compared: what they save then is in no
backup, and no restore may write over it.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from agent.backup.restore.selection import Chosen, list_names
from agent.machine.light.clock import FILE_TICK
from agent.machine.storage import folders
from agent.machine.storage.sqlite import BESIDE, INDEX, is_database
from agent.machine.values import frozen

Kin = Sequence[tuple[Path, os.stat_result]]
"""A file and what belongs to the same database, each with what was found when it was looked at."""


@frozen
class Lateness:
    """Tells what may have changed since a safety backup began."""

    since: float
    """Nanoseconds since 1970."""
    _ours: set[tuple[int, int]] = field(default_factory=set)

    def is_late(self, at: os.stat_result) -> bool:
        """Tell whether a file may have changed since it went into the backup."""
        is_ours = (at.st_dev, at.st_ino) in self._ours
        return (at.st_mtime_ns if is_ours else at.st_ctime_ns) >= self.since

    def note_change(self, at: os.stat_result) -> None:
        """Note that a name of this file is about to go or to change, which dates its others."""
        if at.st_nlink > 1:
            self._ours.add((at.st_dev, at.st_ino))

    def is_any_late(self, kin: Kin) -> bool:
        """Tell whether any file of a database is late; `kin`: what `find_kin` returns.

        Whoever only reads it writes the index, and SQLite as root moves the log's time of change.
        """
        late = [(path, at) for path, at in kin if self.is_late(at)]
        if not late:
            return False
        base = find_base(late[0][0])
        if any(path == base for path, _ in late) or not reads_as_database(base):
            return True
        return any(at.st_mtime_ns >= self.since and not path.name.endswith(INDEX)
                   for path, at in late)  # fmt: skip

    def find(self, top: Path) -> Iterator[Path]:
        """Yield what is no folder and late, at a path and below it.

        A database and the files that SQLite keeps beside it are one: if one is late, all are.
        """
        for path, at in _walk(top):
            if self.is_late(at) and self.is_any_late(kin := find_kin(path)):
                yield from (other for other, _ in kin)


def find_lateness(safety: Chosen) -> Lateness:
    """Return what tells what may have changed since this backup began."""
    return Lateness(safety.snapshot.time.timestamp() * 1e9 - FILE_TICK)


def find_base(path: Path) -> Path:
    """Return the database that a file belongs to by its name; it may be that itself."""
    end = next((end for end in BESIDE if path.name.endswith(end) and path.name != end), "")
    return path.with_name(path.name.removesuffix(end))


def list_kin(path: Path) -> list[Path]:
    """Return a file and all that belong to the same database by name, the database last.

    In this order they are moved: SQLite removes what is next to an empty or a new database.
    """
    base = find_base(path)
    return [*(base.with_name(f"{base.name}{end}") for end in BESIDE), base]


def find_kin(path: Path, folder: int | None = None) -> Kin:
    """Return what of `list_kin` is there; of what is no regular file only that itself.

    `folder`: a descriptor of the one that they are in.
    """
    found = []
    for other in list_kin(path):
        with suppress(OSError):
            at = os.lstat(other if folder is None else other.name, dir_fd=folder)
            found.append((other, at))
    mine = [(other, at) for other, at in found if other == path]
    if mine and not stat.S_ISREG(mine[0][1].st_mode):
        return mine
    return [(other, at) for other, at in found if stat.S_ISREG(at.st_mode)]


def reads_as_database(path: Path) -> bool:
    """Tell whether it can be read, and says that it is a database."""
    try:
        return is_database(path)
    except OSError:
        return False


def _walk(top: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield what is no folder at a path and below it; of a file, also what is beside it."""
    waiting = []
    with suppress(OSError):
        at = top.lstat()
        if stat.S_ISDIR(at.st_mode):
            waiting = [top]
        else:
            yield top, at
    if not waiting:
        yield from (item for item in find_kin(top) if item[0] != top)
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listed:
                entries = list(listed)
        except OSError:  # nothing in it can be written over either, or it is gone
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
                continue
            with suppress(OSError):  # it alone is gone
                yield Path(entry.path), entry.stat(follow_symlinks=False)


@frozen
class Held:
    """What a safety backup holds."""

    lateness: Lateness
    names: frozenset[str]
    """As restic's JSON has them."""

    def has(self, kin: Kin) -> bool:
        """Tell whether it holds a file, and what belongs to it, as they are now."""
        is_held = all(folders.to_json_name(str(path)) in self.names for path, _ in kin)
        return is_held and not self.lateness.is_any_late(kin)


def find_held(safety: Chosen, folder: Path) -> Held:
    """Return what a safety backup holds below a folder. Raises AgentError."""
    return Held(find_lateness(safety), list_names(safety, folder))
