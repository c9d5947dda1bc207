"""Processes that nobody answers for any more: adopted, and ended at the stop."""

import os
import signal
from collections.abc import Iterable

from agent.init.children import Children
from agent.init.loop import Loop
from agent.init.processes import INIT, needs_hang_up
from agent.init.stop import Stoppable
from agent.machine.light.proc import read_name

LOOK = 0.02
"""Seconds between two looks at the remaining processes."""
NEWCOMER = 1.0
"""Seconds after which a process that came during the stop is asked to end."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, as PID 1 is by birth."""
    if os.getpid() == INIT:
        return
    import ctypes  # noqa: PLC0415 - 2 MB that PID 1 does without

    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Orphans(Stoppable):
    """Ends the remaining processes: as PID 1 all that it sees, otherwise its descendants."""

    def __init__(self, loop: Loop, children: Children) -> None:
        self._loop = loop
        self._children = children
        self._asked: set[int] = set()
        self._due: dict[int, float] = {}
        """When those that came later are asked, in seconds of the loop's clock."""
        self._beyond: set[int] = set()
        """Another user's, such as a root shell of `docker exec`: only the kernel can end them."""

    def stop(self) -> None:
        """Ask everyone to end, and look again until nobody is left.

        Who comes later is probably an asked one's way of ending, and is asked only when it stays.
        """
        now = self._loop.now()
        first = not self._asked
        for pid in self._left():
            due = now if first else self._due.setdefault(pid, now + NEWCOMER)
            if pid not in self._asked and due <= now:
                self._asked.add(pid)
                hang_up = (signal.SIGHUP,) if needs_hang_up(pid) else ()
                self._send(pid, signal.SIGTERM, signal.SIGCONT, *hang_up)
        # Not all of them are children of init, whose end would wake it.
        self._loop.after(LOOK, self.stop)

    def ended(self) -> bool:  # noqa: D102
        return not self._left()

    def kill(self) -> None:  # noqa: D102
        for pid in self._left():
            self._send(pid, signal.SIGKILL)

    def name_remaining(self) -> Iterable[str]:
        """Return each with its number: many may have the same name."""
        return map(_describe, self._left())

    def _left(self) -> list[int]:
        return [pid for pid in self._children.find_rest() if pid not in self._beyond]

    def _send(self, pid: int, *numbers: int) -> None:
        for number in numbers:
            try:
                self._children.kill(pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                self._beyond.add(pid)


def _describe(pid: int) -> str:
    try:
        return f"process {pid} ({read_name(f'/proc/{pid}')})"
    except OSError:
        return f"process {pid}"
