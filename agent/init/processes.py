"""The processes that init sees in /proc, whoever has started them."""

import os
import signal
from collections.abc import Collection, Iterator

from agent.machine.proc import read_stat

INIT = 1
RUNS = "R"
"""State of a process in /proc/PID/stat that runs or could. See proc_pid_stat(5)."""
_GONE = ("Z", "X")


class Process:
    """A process that lives, or that has ended and that init is still to reap."""

    def __init__(self, pid: int, parent: int) -> None:
        self.pid = pid
        self.parent = parent


def find_rest(spared: Collection[int]) -> list[int]:
    """Return whom init is to end: as PID 1 everyone, else its descendants; none of the spared."""
    processes = [one for one in list_processes() if one.pid not in spared]
    if os.getpid() == INIT:
        return [one.pid for one in processes if one.pid != INIT]
    found: list[int] = []
    parents = {os.getpid()}
    while parents:
        parents = {one.pid for one in processes if one.parent in parents}
        found += parents
    return found


def list_processes() -> Iterator[Process]:
    """Yield every process but those that have ended and are another parent's to reap."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                _, (state, parent, *_) = read_stat(f"/proc/{name}")
            except OSError:
                continue  # it has just ended
            if state not in _GONE or int(parent) == own:
                yield Process(int(name), int(parent))


def wants_processor(top: int) -> bool:
    """Tell whether a process, or one that it has started, runs or waits for a processor."""
    family = {top}
    for one in sorted(list_processes(), key=lambda one: one.pid):
        if one.parent in family:
            family.add(one.pid)
    return any(_read_state(pid) == RUNS for pid in family)


def _read_state(pid: int) -> str:
    try:
        _, (state, *_) = read_stat(f"/proc/{pid}")
    except OSError:
        return ""
    return state


def needs_hang_up(pid: int) -> bool:
    """Tell whether a process ignores TERM and has a terminal, as interactive shells do.

    What ends such a one is that its terminal hangs up.
    """
    try:
        _, fields = read_stat(f"/proc/{pid}")
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            ignored = file.read().partition(b"SigIgn:")[2].split(maxsplit=1)[0]
    except (OSError, IndexError):
        return False
    has_terminal = fields[4] != "0"
    return has_terminal and bool(int(ignored, 16) >> (signal.SIGTERM - 1) & 1)
