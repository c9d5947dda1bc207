"""How work that nobody waits for leaves room for the person in the workspace."""

import os
import random
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


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
    """Return how many processors' time the container may use; infinite where nothing limits it.

    https://docs.kernel.org/admin-guide/cgroup-v2.html and, for version 1,
    https://docs.kernel.org/scheduler/sched-bwc.html
    """
    version_1 = (cgroups / "cpu/cpu.cfs_quota_us", cgroups / "cpu/cpu.cfs_period_us")
    for paths in ((cgroups / "cpu.max",), version_1):
        with suppress(OSError, ValueError):
            quota, period = " ".join(path.read_text() for path in paths).split()
            return float(quota) / float(period) if quota not in ("max", "-1") else float("inf")
    return float("inf")
