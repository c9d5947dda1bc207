"""Makes way for a restore in place: what a backup lacks is deleted, if another backup holds it.

`restic restore --delete` is not used: it also deletes what no backup holds, such as caches, and
what DEV8_BACKUP_EXCLUDE names.
"""

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from agent.backup.restore.unsaved_changes import Lateness, find_base, find_kin
from agent.machine.formats.globs import escape
from agent.machine.light.expressions import regex
from agent.machine.programs.follow import Message
from agent.machine.storage import folders
from agent.machine.storage.sqlite import BESIDE
from agent.machine.values import frozen

KEPT = regex(
    rf"\.(?:kept|replaced)-\d{{8}}-\d{{6}}(?:\.\d+)?(?:{'|'.join(map(re.escape, BESIDE))})?$"
)
"""What the names end with of what was in the way of a restore: SQLite finds a kept log by it."""


def make_suffix(moment: datetime, word: str = "kept") -> str:
    """Return what is added to the name of what is in the way of a restore at this moment."""
    return f".{word}-{moment:%Y%m%d-%H%M%S}"


def is_kept(path: Path) -> bool:
    """Tell whether it was in the way of a restore, or is below what was.

    No backup may hold it under its own name, so it stays until a person removes it.
    """
    return any(KEPT.search(part) for part in path.parts)


@frozen
class Scope:
    """What is restored in place: a file, or a folder with all that is in it."""

    path: Path
    anchor: Path
    """The nearest folder above it that is there, reached through no link below a backup's root."""

    @property
    def top(self) -> Path:
        """Return the first path that changes, if only since it is made anew."""
        return self.anchor / self.path.relative_to(self.anchor).parts[0]

    @property
    def pattern(self) -> str:
        """Return restic's pattern for `path`, seen from `anchor`."""
        return f"/{escape(self.path.relative_to(self.anchor))}"

    def holds(self, name: str) -> bool:
        """Tell whether a name of restic's JSON is in it."""
        own = folders.to_json_name(str(self.path))
        return name == own or name.startswith(f"{own}/")

    def is_way(self, name: str) -> bool:
        """Tell whether it is `top`, where that is only on the way: restic would follow a link."""
        return self.top != self.path and name == folders.to_json_name(str(self.top))


def find_scope(path: Path, roots: Iterable[Path]) -> Scope:
    """Return the scope of a path. `roots`: what was backed up; links above them are trusted."""
    trusted = next((root.parent for root in roots if path.is_relative_to(root)), path.parent)
    while not trusted.is_dir():
        trusted = trusted.parent
    anchor = trusted
    for part in path.relative_to(trusted).parts[:-1]:
        if (anchor / part).is_symlink() or not (anchor / part).is_dir():
            break
        anchor /= part
    return Scope(path, anchor)


@dataclass
class Cleared:
    """What was done to make way."""

    deleted: int = 0
    """Files and folders."""
    kept: list[Path] = field(default_factory=list)
    """What no backup holds: it stays, and if it was in the way, it was renamed to this."""
    failed: list[str] = field(default_factory=list)
    """What could not be deleted, each with the cause."""


class Clearing:
    """Makes way for one scope.

    `held` is what the safety backup holds below a path, by names of restic's JSON. `suffix` is what
    the names of kept files end with. `lateness` tells what it does not hold as it is now.
    """

    def __init__(
        self, scope: Scope, held: Callable[[Path], Iterable[Message]], suffix: str,
        lateness: Lateness,
    ) -> None:  # fmt: skip
        self._scope = scope
        self._held = held
        self._suffix = suffix
        self._lateness = lateness
        self._late: Collection[Path] = ()
        self._gone: set[str] = set()
        """Names of what the snapshot lacks."""
        self.cleared = Cleared()

    def clear(
        self, changes: Iterable[Message], late: Collection[Path] = (),
        wanted: Collection[str] = (),
    ) -> Cleared:  # fmt: skip
        """Make way for the changes that `restic diff` lists from the safety backup on.

        `late`: what was found to be late. `wanted`: names of all that the snapshot holds, if
        anything is.
        """
        self._late = late
        for path in sorted(late):
            names = {folders.to_json_name(str(item)) for item in (path, find_base(path))}
            if not names.isdisjoint(wanted):
                self._try("+", path)
        mine = [(item["modifier"], item["path"]) for item in changes
                if self._is_mine(item["path"].rstrip("/"))]  # fmt: skip
        self._gone = {name.rstrip("/") for modifier, name in mine if modifier == "-"}
        new = sorted(name for modifier, name in mine if modifier == "+")
        old = sorted(((name, modifier) for modifier, name in mine if modifier != "+"), reverse=True)
        for name in new:  # a folder comes before what is in it
            for path in folders.find_real(self._scope.anchor, Path(name)):
                self._try("+", path)
        for name, modifier in old:  # and here after it
            for path in folders.find_real(self._scope.anchor, Path(name)):
                self._try(modifier[:1], path)
        return self.cleared

    def _is_mine(self, name: str) -> bool:
        return self._scope.holds(name) or self._scope.is_way(name)

    def _try(self, modifier: str, path: Path) -> None:
        try:
            with folders.open_folder(self._scope.anchor, path.parent) as folder:
                if modifier == "-":
                    self._remove(folder, path)
                elif modifier == "T":
                    self._replace(folder, path)
                elif modifier == "+" or self._is_late(folder, path):
                    self._keep(folder, path)
                elif _is_closed(folder, path.name):
                    self._delete(folder, path.name)
        except (FileNotFoundError, NotADirectoryError):
            return  # gone, or replaced as a whole: then nothing of ours is there
        except OSError as error:
            self.cleared.failed.append(f"{path}: {error.strerror}")

    def _remove(self, folder: int, path: Path) -> None:
        """Delete what the snapshot lacks, unless it stays."""
        if is_kept(path.relative_to(self._scope.anchor)):
            return
        if self._is_late(folder, path):
            self.cleared.kept.append(path)
        elif not self._marks_cache(folder, path):
            for item in self._find_gone(folder, path):
                self._delete(folder, item.name)

    def _find_gone(self, folder: int, path: Path) -> list[Path]:
        """Return a file and what the snapshot lacks of the same database: it goes at once.

        A program that comes in between would open it without its log, and write a new one.
        """
        return [item for item, _ in find_kin(path, folder)
                if item == path or folders.to_json_name(str(item)) in self._gone]  # fmt: skip

    def _is_late(self, folder: int, path: Path) -> bool:
        """Tell whether a file, or another of its database, is late: seen before, or only now.

        Raises FileNotFoundError if it is gone.
        """
        if stat.S_ISDIR(os.lstat(path.name, dir_fd=folder).st_mode):
            return False
        if path in self._late:
            return True
        return self._lateness.is_any_late(find_kin(path, folder))

    def _marks_cache(self, folder: int, path: Path) -> bool:
        """Tell whether it marks a cache that stays, since the snapshot does not know it.

        Without that mark the next backup would hold the cache, and the next restore delete it.
        """
        holder = folders.to_json_name(str(path.parent))
        if path.name != folders.CACHE_TAG or holder not in self._gone:
            return False
        beside = os.listdir(f"/proc/self/fd/{folder}")  # noqa: PTH208 - names are wanted
        return any(folders.to_json_name(str(path.with_name(name))) not in self._gone
                   for name in beside)  # fmt: skip

    def _delete(self, folder: int, name: str) -> None:
        """Delete a file, or a folder if nothing is left in it: what no backup holds stays."""
        at = os.lstat(name, dir_fd=folder)
        if stat.S_ISDIR(at.st_mode):
            try:
                os.rmdir(name, dir_fd=folder)
            except OSError:  # not empty, or a mount point
                return
        else:
            self._lateness.note_change(at)
            os.unlink(name, dir_fd=folder)
        self.cleared.deleted += 1

    def _replace(self, folder: int, path: Path) -> None:
        """Delete what is of another type now; what no backup holds is put aside."""
        if folders.find_kind(path.name, folder) == stat.S_IFDIR:
            for item in sorted(self._find_held(path), reverse=True):
                self._try("-", item)
        if not self._is_late(folder, path):
            self._delete(folder, path.name)
        self._keep(folder, path)

    def _find_held(self, path: Path) -> Iterator[Path]:
        own = folders.to_json_name(str(path))
        for node in self._held(path):
            if node["path"] != own and node["path"].startswith(f"{own}/"):
                yield from folders.find_real(self._scope.anchor, Path(node["path"]))

    def _keep(self, folder: int, path: Path) -> None:
        """Make way for something new where something lies that the safety backup lacks."""
        kind = folders.find_kind(path.name, folder)
        if kind in (stat.S_IFSOCK, stat.S_IFIFO):
            os.unlink(path.name, dir_fd=folder)
        elif kind is not None:
            self._put_aside(folder, path)

    def _put_aside(self, folder: int, path: Path) -> None:
        """Rename something, and with a database all that SQLite needs to read it there."""
        found = find_kin(path, folder)
        base = find_base(path) if len(found) > 1 else path
        ends = [item.name.removeprefix(base.name) for item, _ in found]
        name = self._find_free(folder, base.name, ends)
        for (item, at), end in zip(found, ends, strict=True):
            self._lateness.note_change(at)
            try:
                os.rename(item.name, f"{name}{end}", src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                if error.errno == errno.EBUSY:  # a mount point stays where it is
                    continue
                raise
            if stat.S_ISDIR(at.st_mode):
                below = self.cleared.kept
                self.cleared.kept = [each for each in below if not each.is_relative_to(item)]
            self.cleared.kept.append(path.with_name(f"{name}{end}"))

    def _find_free(self, folder: int, name: str, ends: Iterable[str]) -> str:
        """Return the name to keep something under, such that with no end it is there already."""
        names = chain([f"{name}{self._suffix}"],
                      (f"{name}{self._suffix}.{number}" for number in count(2)))  # fmt: skip
        return next(
            free for free in names
            if all(folders.find_kind(f"{free}{end}", folder) is None for end in ends)
        )  # fmt: skip


def _is_closed(folder: int, name: str) -> bool:
    """Tell whether a file is another user's, and restic cannot write to it: it makes a new one."""
    at = os.lstat(name, dir_fd=folder)
    if not stat.S_ISREG(at.st_mode) or at.st_uid == os.geteuid():
        return False
    return not os.access(name, os.W_OK, dir_fd=folder, effective_ids=True)
