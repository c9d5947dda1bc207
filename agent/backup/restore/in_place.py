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
from pathlib import Path

from agent.machine import folders
from agent.machine.follow import Message
from agent.machine.globs import escape

KEPT = re.compile(r"\.(?:kept|replaced)-\d{8}-\d{6}$")
"""What the names end with of what was in the way of a restore."""


def make_suffix(moment: datetime, word: str = "kept") -> str:
    """Return what is added to the name of what is in the way of a restore at this moment."""
    return f".{word}-{moment:%Y%m%d-%H%M%S}"


def is_kept(path: Path) -> bool:
    """Tell whether it was in the way of a restore, or is below what was.

    No backup may hold it under its own name, so it stays until a person removes it.
    """
    return any(KEPT.search(part) for part in path.parts)


@dataclass(frozen=True)
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
    the names of kept files end with. `late` are files that it does not hold as they are now.
    """

    def __init__(
        self, scope: Scope, held: Callable[[Path], Iterable[Message]], suffix: str,
        late: Collection[Path] = (),
    ) -> None:  # fmt: skip
        self._scope = scope
        self._held = held
        self._suffix = suffix
        self._late = late
        self._gone: set[str] = set()
        """Names of what the snapshot lacks."""
        self.cleared = Cleared()

    def clear(self, changes: Iterable[Message], wanted: Collection[str] = ()) -> Cleared:
        """Make way for the changes that `restic diff` lists from the safety backup on.

        `wanted`: names of all that the snapshot holds, if something is late.
        """
        for path in self._late:
            if folders.to_json_name(str(path)) in wanted:
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
                if modifier == "-" and not self._stays(folder, path):
                    self._delete(folder, path.name)
                elif modifier == "T":
                    self._replace(folder, path)
                elif modifier == "+":
                    self._keep(folder, path)
        except (FileNotFoundError, NotADirectoryError):
            return  # gone, or replaced as a whole: then nothing of ours is there
        except OSError as error:
            self.cleared.failed.append(f"{path}: {error.strerror}")

    def _stays(self, folder: int, path: Path) -> bool:
        """Tell whether it is left where it is although the snapshot lacks it.

        A cache that the snapshot does not know keeps what marks it: without that the next backup
        would hold it, and the next restore delete it.
        """
        if is_kept(path.relative_to(self._scope.anchor)):
            return True
        if path in self._late:
            self.cleared.kept.append(path)
            return True
        holder = folders.to_json_name(str(path.parent))
        if path.name != folders.CACHE_TAG or holder not in self._gone:
            return False
        beside = os.listdir(f"/proc/self/fd/{folder}")  # noqa: PTH208 - names are wanted
        return any(folders.to_json_name(str(path.with_name(name))) not in self._gone
                   for name in beside)  # fmt: skip

    def _delete(self, folder: int, name: str) -> None:
        """Delete a file, or a folder if nothing is left in it: what no backup holds stays."""
        if folders.find_kind(name, folder) == stat.S_IFDIR:
            try:
                os.rmdir(name, dir_fd=folder)
            except OSError:  # not empty, or a mount point
                return
        else:
            os.unlink(name, dir_fd=folder)
        self.cleared.deleted += 1

    def _replace(self, folder: int, path: Path) -> None:
        """Delete what is of another type now."""
        if folders.find_kind(path.name, folder) == stat.S_IFDIR:
            for item in sorted(self._find_held(path), reverse=True):
                self._try("-", item)
        self._delete(folder, path.name)
        if folders.find_kind(path.name, folder) == stat.S_IFDIR:
            self._put_aside(folder, path)

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
        name = f"{path.name}{self._suffix}"
        try:
            os.rename(path.name, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            if error.errno == errno.EBUSY:  # a mount point stays where it is
                return
            raise
        self.cleared.kept.append(path.with_name(name))
