"""The processes that init sees in /proc, whoever has started them."""

import os
import signal
from collections.abc import Collection

from agent.machine.light.proc import list_processes, read_stat

INIT = 1


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
