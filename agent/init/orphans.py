"""Processes that nobody answers for any more: who they are, and how they are ended at the stop."""

import os
import signal
from collections.abc import Callable, Iterator

from agent.init.loop import Loop
from agent.init.stop import Part

INIT = 1
LOOK = 0.02
"""Seconds between two looks at what is left."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class Process:
    """What /proc/PID/stat says of a living process."""

    def __init__(self, pid: int, parent: int, leads_terminal: bool) -> None:
        self.pid = pid
        self.parent = parent
        self.leads_terminal = leads_terminal
        """Whether it is what a terminal's hang-up ends: a session leader with a terminal."""


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, as PID 1 is by birth."""
    if os.getpid() == INIT:
        return
    import ctypes  # noqa: PLC0415 - 2 MB that PID 1 does without

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Orphans(Part):
    """Ends what is left: as PID 1 every process that it sees, otherwise its descendants."""

    def __init__(self, loop: Loop, spared: Callable[[], int | None]) -> None:
        """`spared` tells the one process that is to stay, if any."""
        self._loop = loop
        self._spared = spared
        self._asked: set[int] = set()
        self._beyond: set[int] = set()
        """Another user's, such as a root shell of `docker exec`: only the kernel can end them."""

    def stop(self) -> None:
        """Ask everyone to end, also who comes later, and look again until nobody is left.

        An interactive shell does not heed TERM: who leads a terminal is hung up as well.
        """
        for process in self._left():
            if process.pid not in self._asked:
                self._asked.add(process.pid)
                hang_up = (signal.SIGHUP,) if process.leads_terminal else ()
                self._send(process.pid, signal.SIGTERM, signal.SIGCONT, *hang_up)
        # Not all of them are children of init, whose end would wake it.
        self._loop.after(LOOK, self.stop)

    def ended(self) -> bool:  # noqa: D102
        return not self._left()

    def kill(self) -> None:  # noqa: D102
        for process in self._left():
            self._send(process.pid, signal.SIGKILL)

    def _left(self) -> list[Process]:
        return [one for one in find_rest(self._spared()) if one.pid not in self._beyond]

    def _send(self, pid: int, *numbers: int) -> None:
        for number in numbers:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                self._beyond.add(pid)


def find_rest(spared: int | None) -> list[Process]:
    """Return the living processes that init is to end, all but itself and the spared one."""
    processes = list(list_processes())
    if os.getpid() == INIT:
        return [process for process in processes if process.pid not in (INIT, spared)]
    found: list[Process] = []
    parents = {os.getpid()}
    while parents:
        children = [one for one in processes if one.parent in parents and one.pid != spared]
        found += children
        parents = {one.pid for one in children}
    return found


def list_processes() -> Iterator[Process]:
    """Yield every process in /proc that lives, or has ended and is still to be reaped by init."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                    text = file.read()
            except OSError:
                continue  # it has just ended
            # The name in parentheses may hold anything; see proc(5) for what follows it.
            state, parent, _, session, terminal, *_ = text[text.rindex(b")") + 2 :].split()
            pid = int(name)
            if state not in (b"Z", b"X") or int(parent) == own:
                yield Process(pid, int(parent), int(session) == pid and terminal != b"0")
