"""All processes at one moment. Light: one that has not run since the last look is not read again.

To read a line of /proc takes 10 us; to ask the kernel for how long a process has run takes 0.5. Who
has not run has the name, the children and the account that it had.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence

from agent.observe.activity import proc_stat
from agent.observe.activity.proc_stat import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PROCESS_CLOCK = 2
"""CPUCLOCK_SCHED of linux/posix-timers.h; clock_getcpuclockid(3) makes the same of a pid."""
_OUTSIDE = "0"
"""The parent of a process that was put into the container."""


def read_all(
    root: str,
    known: "Mapping[str, Sequence[Any]]",
    read_clock: "Callable[[str], int]",
) -> dict[str, Process]:
    """Return all processes that can be seen, by pid; `root` is /proc. Raises OSError.

    `known`: by pid, what `note` returned at an earlier look. `read_clock` returns the nanoseconds
    for which a process has run, or 0.
    """
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    found = {}
    try:
        for pid in os.listdir(folder):
            if pid.isdecimal():
                process = _read(folder, pid, known.get(pid), read_clock(pid))
                if process:
                    found[pid] = process
        for each in [each for each in found.values() if _has_lost_parent(each, found)]:
            process = _read(folder, each.pid, known.get(each.pid), 0)
            if process:
                found[each.pid] = process
    finally:
        os.close(folder)
    return found


def _read(folder: int, pid: str, known: "Sequence[Any] | None", clock: int) -> Process | None:
    """Return a process as it was when it last ran, or as it is now."""
    before = proc_stat.parse(pid, known[1].encode("latin-1", "replace")) if known else None
    if before and known and clock and known[0] == clock:
        before.clock, before.before = clock, before
        return before
    process = proc_stat.read(pid, f"{pid}/stat", folder)
    if process:
        process.clock = clock
        if before and before.start == process.start:
            process.before = before
    return process


def _has_lost_parent(process: Process, found: Mapping[str, Process]) -> bool:
    """Tell whether one that was not read again has another parent by now."""
    if process.before is not process:
        return False
    parent = found.get(process.parent)
    return parent is None or parent.before is None or parent.has_ended


def note(process: Process) -> "list[Any]":
    """Return what the next look needs to know of a process.

    That the clock stands still says nothing of what others do to it: who reads a terminal's keys,
    or who takes the place of a parent outside.
    """
    may_change = process.has_terminal or process.parent == _OUTSIDE
    return [0 if may_change else process.clock, process.line.decode("latin-1")]


def find_clock(root: str) -> "Callable[[str], int]":
    """Return what tells for how long a process has run; it knows the pids of our own /proc only."""
    try:
        is_own = os.readlink(f"{root}/self") == str(os.getpid())
    except OSError:
        is_own = False
    return read_clock if is_own else lambda _pid: 0


def read_clock(pid: str) -> int:
    """Return the nanoseconds for which a process has run; 0: that is not to be had."""
    try:
        return time.clock_gettime_ns(~int(pid) << 3 | _PROCESS_CLOCK)
    except OSError:
        return 0
