"""How everything ends: stages in order, under one deadline.

The parts of a stage are asked to end together, and the stage is over when all have; nothing waits
longer than it must.
"""

import time
from collections.abc import Callable, Sequence

from agent.init.loop import Loop, Timer
from agent.machine.log import Logger

HASTE = 1.0
"""Seconds that are left once somebody is in a hurry."""
LAST_MOMENT = 0.5
"""Seconds that each stage has after the deadline: what was killed must still be taken away."""


class Part:
    """Something that runs and can be ended."""

    def stop(self) -> None:
        """Ask it to end; start nothing any more."""
        raise NotImplementedError

    def ended(self) -> bool:
        """Tell whether it is gone."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once."""
        raise NotImplementedError


class Stop:
    """Carries out the stop, once it is requested."""

    def __init__(
        self,
        loop: Loop,
        log: Logger,
        stages: Sequence[Sequence[Part]],
        timeout: float,
        on_begin: Callable[[], None],
    ) -> None:
        """`timeout`: seconds from the request until what is left is killed."""
        self._loop = loop
        self._log = log
        self._stages = list(stages)
        self._timeout = timeout
        self._on_begin = on_begin
        self._deadline = 0.0
        self._timer: Timer | None = None
        self.reason: str | None = None
        """None: everything goes on."""
        self.code = 0
        """What the container is to end with."""
        self.done = False

    def request(self, reason: str, code: int) -> None:
        """Begin to stop. A further request changes nothing: reason and code stay the first's."""
        if self.reason is not None:
            return
        self.reason = reason
        self.code = int(code)
        self._log.info("stopping", reason=reason)
        self._set_deadline(self._timeout)
        self._ask()
        self._on_begin()

    def hasten(self, reason: str) -> None:
        """Leave little time to a stop that goes on: somebody outside will not wait for it."""
        if self._deadline - time.monotonic() > HASTE:
            self._log.info("stopping faster", reason=reason)
            self._set_deadline(HASTE)

    @property
    def left(self) -> float:
        """Return the seconds until what is left is killed."""
        return max(0.0, self._deadline - time.monotonic())

    def advance(self) -> None:
        """Go on when a stage is over. To be called after everything that happens."""
        while self.reason and not self.done and all(part.ended() for part in self._stages[0]):
            self._next()

    def _ask(self) -> None:
        for part in self._stages[0]:
            part.stop()

    def _next(self) -> None:
        del self._stages[0]
        if self._stages:
            self._ask()
        else:
            self.done = True

    def _set_deadline(self, seconds: float) -> None:
        self._loop.cancel(self._timer)
        self._deadline = time.monotonic() + seconds
        self._timer = self._loop.after(seconds, self._on_deadline)

    def _on_deadline(self) -> None:
        self._log.warning("the time to stop is over; what is left is killed")
        for stage in self._stages:
            for part in stage:
                part.kill()
        self._timer = self._loop.after(LAST_MOMENT, self._give_up)

    def _give_up(self) -> None:
        """Leave to the kernel what even a KILL has not ended."""
        self._next()
        self._timer = self._loop.after(LAST_MOMENT, self._give_up)
