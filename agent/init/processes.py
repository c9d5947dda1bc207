"""What /proc tells of the processes that init sees."""

import os
import signal
from collections.abc import Iterator

INIT = 1
_GONE = (b"Z", b"X")


class Process:
    """A process that lives, or that has ended and that init is still to reap."""

    def __init__(self, pid: int, parent: int) -> None:
        self.pid = pid
        self.parent = parent


def find_rest(spared: int | None) -> list[Process]:
    """Return whom init is to end: as PID 1 everyone, else its descendants; never the spared one."""
    processes = list(list_processes())
    if os.getpid() == INIT:
        return [one for one in processes if one.pid not in (INIT, spared)]
    found: list[Process] = []
    parents = {os.getpid()}
    while parents:
        children = [one for one in processes if one.parent in parents and one.pid != spared]
        found += children
        parents = {one.pid for one in children}
    return found


def list_processes() -> Iterator[Process]:
    """Yield every process but those that have ended and are another parent's to reap."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                state, parent = read_stat(name)[:2]
            except OSError:
                continue  # it has just ended
            if state not in _GONE or int(parent) == own:
                yield Process(int(name), int(parent))


def needs_hang_up(pid: int) -> bool:
    """Tell whether a process ignores TERM and has a terminal, as interactive shells do.

    What ends such a one is that its terminal hangs up.
    """
    try:
        terminal = read_stat(str(pid))[4]
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            ignored = file.read().partition(b"SigIgn:")[2].split(maxsplit=1)[0]
    except (OSError, IndexError):
        return False
    return terminal != b"0" and bool(int(ignored, 16) >> (signal.SIGTERM - 1) & 1)


def read_stat(name: str) -> list[bytes]:
    """Return the fields of /proc/NAME/stat from the third on, the state; see proc(5).

    Raises OSError when there is no such process.
    """
    with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
        text = file.read()
    return text[text.rindex(b")") + 2 :].split()  # the name before it may hold anything
