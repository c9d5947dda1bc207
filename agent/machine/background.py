"""How work that nobody waits for leaves room for the person in the workspace."""

import os
import random
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import psutil

from agent.machine.cgroup import ROOT, Cgroup

CGROUPS = Path(ROOT)


def give_way() -> None:
    """Take disk and processors last, and leave one processor alone; children do as well.

    Init has made the job nice already. That does not suffice: a processor that is busy turns to
    whoever has just woken up to a tick (4 ms) later, and only one that is idle does so at once.
    Where the container or its kernel does not allow it, nothing changes.
    """
    with suppress(OSError, psutil.Error):
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        os.sched_setaffinity(0, choose_processors(os.sched_getaffinity(0), read_quota()))


def choose_processors(allowed: Collection[int], quota: float) -> set[int]:
    """Return all of these processors but one; no more than one less than the quota, at least one.

    Any of them: not all workspaces of a machine are to work on the same one.
    """
    count = int(min(len(allowed), quota)) - 1
    return set(random.sample(sorted(allowed), max(count, 1)))


def read_quota(cgroups: Path = CGROUPS) -> float:
    """Return how many processors' time the container may use; infinite where nothing limits it."""
    found = Cgroup(str(cgroups)).processors()
    return float("inf") if found is None else found
