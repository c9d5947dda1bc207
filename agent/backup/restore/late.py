"""What the safety backup of a restore does not hold as it is now.

People go on working while it is made, and while it is compared: what they save then is in no
backup, and no restore may write over it.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.backup.restore.selection import Chosen, list_names
from agent.machine import folders

TICK = 10_000_000
"""Nanoseconds: the kernel's times of files are as far behind its clock."""


def is_late(at: os.stat_result, safety: Chosen) -> bool:
    """Tell whether a file may have changed since it went into this backup."""
    return at.st_ctime_ns >= int(safety.snapshot.time.timestamp() * 1e9) - TICK


def find_late(top: Path, safety: Chosen) -> Iterator[Path]:
    """Yield what is no folder and may have changed since, at a path and below it."""
    waiting = [top]
    try:
        at = top.lstat()
        if not stat.S_ISDIR(at.st_mode):
            waiting = []
            if is_late(at, safety):
                yield top
    except OSError:
        return
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    elif is_late(entry.stat(follow_symlinks=False), safety):
                        yield Path(entry.path)
        except OSError:  # nothing in it can be written over either, or it is gone
            continue


@dataclass(frozen=True)
class Held:
    """What a safety backup holds."""

    safety: Chosen
    names: frozenset[str]
    """As restic's JSON has them."""

    def has(self, path: Path, at: os.stat_result) -> bool:
        """Tell whether it holds a file as it is now: who looked at it has found `at`."""
        return folders.to_json_name(str(path)) in self.names and not is_late(at, self.safety)


def find_held(safety: Chosen, folder: Path) -> Held:
    """Return what a safety backup holds below a folder. Raises AgentError."""
    return Held(safety, list_names(safety, folder))
