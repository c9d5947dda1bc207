"""Processes that nobody answers for any more: adopted, and ended at the stop."""

import os
import signal
import time
from collections.abc import Callable

from agent.init.loop import Loop
from agent.init.processes import INIT, Process, find_rest, needs_hang_up
from agent.init.stop import Part

LOOK = 0.02
"""Seconds between two looks at what is left."""
NEWCOMER = 1.0
"""Seconds after which a process that came during the stop is asked to end."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


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
        self._due: dict[int, float] = {}
        """When those that came later are asked, in monotonic seconds."""
        self._beyond: set[int] = set()
        """Another user's, such as a root shell of `docker exec`: only the kernel can end them."""

    def stop(self) -> None:
        """Ask everyone to end, and look again until nobody is left.

        Who comes later is probably an asked one's way of ending, and is asked only when it stays.
        """
        now = time.monotonic()
        first = not self._asked
        for process in self._left():
            due = now if first else self._due.setdefault(process.pid, now + NEWCOMER)
            if process.pid not in self._asked and due <= now:
                self._asked.add(process.pid)
                hang_up = (signal.SIGHUP,) if needs_hang_up(process.pid) else ()
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
