"""How everything ends: stages in order, under one deadline.

The parts of a stage are asked to end together, and the stage is over when all have; nothing waits
longer than it must.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from agent.init.listener import Listener
from agent.init.loop import Loop, Timer
from agent.machine.light.log import Logger

HASTE = 1.0
"""Seconds that are left once somebody is in a hurry."""
LAST_MOMENT = 0.5
"""Seconds that each stage has after the deadline: what was killed must still be taken away."""

MOST_NAMED = 10
"""How much of what is killed the log names."""


class Stoppable:
    """A part that runs and can be ended."""

    def stop(self) -> None:
        """Ask it to end; start nothing any more."""
        raise NotImplementedError

    def ended(self) -> bool:
        """Tell whether it is gone."""
        raise NotImplementedError

    def kill(self) -> None:
        """End it at once."""
        raise NotImplementedError

    def name_remaining(self) -> Iterable[str]:
        """Return what of it still runs, in words for the log."""
        raise NotImplementedError


class Stop:
    """Carries out the stop, once it is requested."""

    def __init__(self, loop: Loop, log: Logger, timeout: float, listener: Listener) -> None:
        """`timeout`: seconds from the request until whatever still runs is killed."""
        self._loop = loop
        self._log = log
        self._timeout = timeout
        self._listener = listener
        self._deadline: Timer | None = None
        self.order: Sequence[Sequence[Stoppable]] = ()
        """The stages: the parts of the first are ended first. Whoever owns the parts sets it."""
        self._stage = 0
        self.reason: str | None = None
        """None: everything goes on."""
        self.code = 0
        """What the container is to end with."""

    def request(self, reason: str, code: int) -> None:
        """Begin to stop. A further request changes nothing: reason and code stay the first's."""
        if self.reason is not None:
            return
        self.reason = reason
        self.code = int(code)
        self._log.info("stopping", reason=reason)
        self._set_deadline(self._timeout)
        self._ask()
        self._listener.on_stop()

    def hasten(self, reason: str) -> None:
        """Leave little time to a stop that goes on: somebody outside will not wait for it."""
        if self.left > HASTE:
            self._log.info("stopping faster", reason=reason)
            self._set_deadline(HASTE)

    @property
    def left(self) -> float:
        """Return the seconds until whatever still runs is killed."""
        return self._loop.find_left(self._deadline) if self._deadline else 0.0

    @property
    def done(self) -> bool:
        """Whether every stage is over."""
        return self._stage >= len(self.order)

    def advance(self) -> None:
        """Go on when a stage is over. To be called after everything that happens."""
        while self.reason and not self.done and all(part.ended() for part in self._present()):
            self._next()

    def _present(self) -> Sequence[Stoppable]:
        return self.order[self._stage]

    def _ask(self) -> None:
        for part in self._present():
            part.stop()

    def _next(self) -> None:
        self._stage += 1
        if not self.done:
            self._ask()

    def _set_deadline(self, seconds: float) -> None:
        self._loop.cancel(self._deadline)
        self._deadline = self._loop.after(seconds, self._on_deadline)

    def _on_deadline(self) -> None:
        self._log.warning(
            "stop timeout reached; killing the remaining processes",
            remaining=self._name_remaining(),
        )
        for stage in self.order[self._stage :]:
            for part in stage:
                part.kill()
        self._loop.after(LAST_MOMENT, self._give_up)

    def _name_remaining(self) -> str:
        """Return what still runs, in words for the log: there is no time to read thousands."""
        names = chain.from_iterable(part.name_remaining() for part in self._present())
        named = list(islice(names, MOST_NAMED))
        return ", ".join(named) + (", and more" if next(names, None) else "")

    def _give_up(self) -> None:
        """Leave to the kernel what even a KILL has not ended."""
        self._next()
        self._loop.after(LAST_MOMENT, self._give_up)
