"""How work that nobody waits for leaves room for the person in the workspace."""

import os
import random
import subprocess
import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

from agent.machine.light.cgroup import ROOT, Cgroup

CGROUPS = Path(ROOT)
LEAST_NICE = 19
FIRST_TO_END = "1000"
"""Of oom_score_adj: the kernel kills it first where memory is short."""


def give_way() -> None:
    """Take disk and processors last, and leave one processor alone; children do as well.

    It holds for the calling thread and for what that starts. Init has made the job nice already.
    That does not suffice: a processor that is busy turns to whoever has just woken up to a tick
    (4 ms) later, and only one that is idle does so at once. Where the container or its kernel does
    not allow it, nothing changes.
    """
    with suppress(OSError, psutil.Error):
        psutil.Process(threading.get_native_id()).ionice(psutil.IOPRIO_CLASS_IDLE)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with suppress(OSError):
        os.sched_setaffinity(0, choose_processors(os.sched_getaffinity(0), read_quota()))


def start_behind(
    start: Callable[[], "subprocess.Popen[bytes]"],
) -> "subprocess.Popen[bytes]":
    """Start a program that gives way, from a process that does not; it is the first to be killed.

    Raises what `start` raises.
    """

    def give_way_here() -> None:
        give_way()
        os.setpriority(os.PRIO_PROCESS, 0, LEAST_NICE)

    with ThreadPoolExecutor(1, initializer=give_way_here) as pool:
        try:
            process = pool.submit(start).result()
        except RuntimeError:  # there can be no further thread
            process = start()
    with suppress(OSError):  # some sandboxes have no such file
        Path(f"/proc/{process.pid}/oom_score_adj").write_text(FIRST_TO_END)
    return process


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
