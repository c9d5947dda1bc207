"""What is mounted in the workspace: where a volume is missing, there is only an empty folder.

A workspace that is itself missing is seen by its size: see `agent.backup.create.shrinking`.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from agent.backup.create.content import ANY_NAMES, Content
from agent.machine.formats.globs import compile_patterns
from agent.machine.storage.mountinfo import TABLE, read_mounts


def find_mounts(content: Content, table: Path = TABLE) -> tuple[Path, ...]:
    """Return the mount points below the paths of a content, but for excluded ones."""
    try:
        points = {mount.point for mount in read_mounts(table)}
    except OSError:
        return ()
    return tuple(sorted(filter(_holds(content), points)))


def find_lost(content: Content, known: Iterable[Path], now: Collection[Path]) -> Iterator[Path]:
    """Yield the mount points of a content that were there, and are empty folders now.

    A folder that is gone was removed by somebody; one with files is used without a volume; one that
    has been excluded since is not missed.
    """
    for point in sorted(filter(_holds(content), set(known).difference(now))):
        try:
            with os.scandir(point) as entries:
                is_empty = next(entries, None) is None
        except OSError:
            continue
        if is_empty:
            yield point


def _holds(content: Content) -> Callable[[Path], bool]:
    """Return what tells whether files of a volume that is mounted there go in."""
    excluded = compile_patterns(content.excludes)

    def holds(point: Path) -> bool:
        return (
            any(top in point.parents for top in content.paths)
            and not any(excluded(str(part)) for part in (point, *point.parents))
            and not all(excluded(str(point / name)) for name in ANY_NAMES)
        )

    return holds


def explain(point: Path, workspace: Path) -> str:
    """Return what to report of one that is lost. Both paths are without links."""
    variable = "DEV8_BACKUP_EXCLUDE" if point.is_relative_to(workspace) else "DEV8_BACKUP_HOME"
    return (
        f"{point}: nothing is mounted there, unlike at an earlier backup; mount its volume, or, if "
        f"you do not need it any more, remove the empty folder or exclude it with {variable}"
    )
