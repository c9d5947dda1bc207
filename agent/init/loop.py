"""The one place that waits: descriptors, and timers on a clock that nobody can set."""

import math
import select
import time
from collections.abc import Callable

from agent.machine.light import proc

Action = Callable[[], None]
LONGEST_WAIT = 30.0
"""Seconds until the clock is looked at anew: `poll` counts no time in which the machine sleeps."""


class BootClock:
    """The seconds since the machine started, in which it slept included."""

    def now(self) -> float:
        """Return the present moment."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def find_age(self) -> float:
        """Return the seconds since this process was started, its life before an exec included.

        0 where that is not known.
        """
        try:
            return proc.read_age()
        except (OSError, ValueError, IndexError):
            return 0.0

    def wait(self, poll: select.poll, seconds: float | None) -> list[tuple[int, int]]:
        """Return what `poll` finds as soon as it finds anything, or the time is over."""
        return poll.poll(None if seconds is None else math.ceil(seconds * 1000))


class Timer:
    """An action that is due once, at `when` (seconds of the loop's clock)."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Action) -> None:
        self.when = when
        self.action = action


class Loop:
    """Calls actions when their descriptor is readable or their time has come."""

    def __init__(self, clock: BootClock) -> None:
        self.clock = clock
        self.now = clock.now
        self._wait = clock.wait
        self._poll = select.poll()
        self._readers: dict[int, Action] = {}
        self._timers: list[Timer] = []

    def watch(self, descriptor: int, action: Action) -> None:
        """Call the action whenever the descriptor is readable. It must read all there is."""
        self._readers[descriptor] = action
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Call no action for it any more, until it is watched again."""
        del self._readers[descriptor]
        self._poll.unregister(descriptor)

    def after(self, seconds: float, action: Action) -> Timer:
        """Call the action once, this many seconds from now."""
        timer = Timer(self.now() + seconds, action)
        self._timers.append(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer, if it is still to come."""
        if timer in self._timers:
            self._timers.remove(timer)

    def find_left(self, timer: Timer) -> float:
        """Return the seconds until a timer is due."""
        return max(0.0, timer.when - self.now())

    def turn(self) -> None:
        """Wait until something happens, and act upon it."""
        for descriptor, _ in self._wait(self._poll, self._find_pause()):
            if descriptor in self._readers:  # an earlier action may have ended that
                self._readers[descriptor]()
        moment = self.now()
        for timer in [timer for timer in self._timers if timer.when <= moment]:
            if timer in self._timers:  # an earlier action may have cancelled it
                self._timers.remove(timer)
                timer.action()

    def _find_pause(self) -> float | None:
        """Return the seconds until the next timer is due; None: there is none."""
        if not self._timers:
            return None
        return min(LONGEST_WAIT, *map(self.find_left, self._timers))
