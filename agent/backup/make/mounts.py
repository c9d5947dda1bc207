"""What is mounted in the workspace: where a volume is missing, there is only an empty folder.

A workspace that is itself missing is seen by its size: see `agent.backup.make.shrinking`.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from agent.backup.make.content import Content
from agent.machine.globs import compile_patterns
from agent.machine.mountinfo import TABLE, read_mounts


def find_mounts(content: Content, table: Path = TABLE) -> tuple[Path, ...]:
    """Return the mount points below the paths of a content, but for excluded ones."""
    try:
        points = {mount.point for mount in read_mounts(table)}
    except OSError:
        return ()
    excluded = compile_patterns(content.excludes)
    return tuple(sorted(
        point for point in points
        if any(top in point.parents for top in content.paths)
        and not any(excluded(str(part)) for part in (point, *point.parents))
    ))  # fmt: skip


def find_lost(known: Iterable[Path], now: Collection[Path]) -> Iterator[Path]:
    """Yield the mount points that were there, and are empty folders now.

    A folder that is gone was removed by somebody; one with files is used without a volume.
    """
    for point in sorted(set(known).difference(now)):
        try:
            with os.scandir(point) as entries:
                is_empty = next(entries, None) is None
        except OSError:
            continue
        if is_empty:
            yield point


def explain(point: Path) -> str:
    """Return what to report of one that is lost."""
    return (
        f"{point}: nothing is mounted there, unlike at an earlier backup; mount its volume, or "
        "remove the empty folder if you do not need it any more"
    )
