"""What a restore in place would change, found by names, sizes and times alone: nothing is written.

restic's own dry run is not asked: it waits for ever where a pipe has taken the place of a file, and
it counts what no backup holds among what would be deleted.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.backup.create.content import Content
from agent.backup.create.survey import says_cache
from agent.backup.restore.in_place import Scope, is_kept
from agent.backup.restore.selection import Chosen, list_entries
from agent.machine.formats.globs import Matcher, compile_patterns
from agent.machine.light.clock import read_nanoseconds
from agent.machine.programs.follow import Message
from agent.machine.storage import folders
from agent.machine.values import frozen

CLOSE = 100_000
"""Nanoseconds by which a time may differ: a file system may keep it less exactly."""
TYPES = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK}


@dataclass
class Preview:
    """What would change; folders are not told of."""

    new: list[str] = field(default_factory=list)
    """Files that would come back."""
    changed: list[str] = field(default_factory=list)
    """Files that would get an earlier content."""
    deleted: list[str] = field(default_factory=list)
    """Files that the backup lacks."""
    size: int = 0
    """Bytes in `new` and `changed`."""


def look(
    chosen: Chosen, scopes: Sequence[Scope], content: Content, untouched: Sequence[Path]
) -> Preview:
    """Return what restoring these scopes would change. Raises AgentError.

    `content`: what the safety backup will hold; only that may be deleted. `untouched`: folders that
    are left alone.
    """
    preview = Preview()
    skipped = Skipped(untouched, compile_patterns(content.excludes), content.paths)
    for scope in scopes:
        nodes = [
            node
            for node in list_entries(chosen, scope.path, "--recursive")
            if scope.holds(node["path"])
        ]
        for node in nodes:
            _compare(node, scope, preview)
        known = {node["path"] for node in nodes}
        extras = find_extras(scope.path, known, skipped)
        preview.deleted += [str(path) for path in extras]
    return preview


def _compare(node: Message, scope: Scope, preview: Preview) -> None:
    """Add what a node of the snapshot would change."""
    paths = folders.find_real(scope.anchor, Path(node["path"])) or [Path(node["path"])]
    try:
        found = paths[0].lstat()
    except OSError:
        found = None
    if found and _is_same(node, found):
        return
    if node["type"] == "dir" and (found is None or stat.S_ISDIR(found.st_mode)):
        return
    (preview.changed if found else preview.new).append(str(paths[0]))
    preview.size += node.get("size", 0)


def _is_same(node: Message, found: os.stat_result) -> bool:
    kind = TYPES.get(node["type"])
    if kind != stat.S_IFMT(found.st_mode):
        return kind is None  # pipes and devices are not compared
    apart = abs(read_nanoseconds(node["mtime"]) - found.st_mtime_ns)
    if kind == stat.S_IFLNK:  # restic does not list where it leads, but that never changes in place
        return apart < CLOSE
    return bool(found.st_size == node.get("size", 0) and apart < CLOSE)


@frozen
class Skipped:
    """What a restore leaves alone, since no backup holds it."""

    folders: Sequence[Path]
    left_out: Matcher
    held: Sequence[Path] = (Path("/"),)
    """What lies elsewhere is in no backup made today."""

    def __contains__(self, path: Path) -> bool:
        return path in self.folders or self.left_out(str(path))

    def stays(self, path: Path, kind: int) -> bool:
        """Tell whether a file stays that is not left out by name."""
        if kind == stat.S_IFSOCK or not any(path.is_relative_to(each) for each in self.held):
            return True
        return kind == stat.S_IFREG and not os.access(path, os.R_OK)


def find_extras(top: Path, known: set[str], skipped: Skipped) -> Iterator[Path]:
    """Yield the files at a path and below that are not known, without those that no backup holds.

    What cannot be looked at is in no backup, or has just been removed.
    """
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            kind = stat.S_IFMT(path.lstat().st_mode)
            names = _list_names(path, known) if kind == stat.S_IFDIR else []
        except OSError:
            continue
        if kind != stat.S_IFDIR:
            if folders.to_json_name(str(path)) not in known and not skipped.stays(path, kind):
                yield path
            continue
        inner = (path / name for name in names if not is_kept(Path(name)))
        waiting += [item for item in inner if item not in skipped]


def _list_names(folder: Path, known: set[str]) -> list[str]:
    """Return the names in a folder, the last first; of a cache those that a backup holds."""
    names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208 - names are wanted
    if folders.CACHE_TAG in names and says_cache(folder / folders.CACHE_TAG):
        # Of a cache only that is in backups, and goes with the folder.
        is_lone = len(names) == 1 or folders.to_json_name(str(folder)) in known
        return [folders.CACHE_TAG] if is_lone else []
    return names
