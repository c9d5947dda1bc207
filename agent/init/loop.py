"""The one place that waits: descriptors, and timers on the monotonic clock."""

import math
import select
import time
from collections.abc import Callable

Action = Callable[[], None]


class Timer:
    """An action that is due once, at `when` (monotonic seconds)."""

    __slots__ = ("action", "when")

    def __init__(self, when: float, action: Action) -> None:
        self.when = when
        self.action = action


class Loop:
    """Calls actions when their descriptor is readable or their time has come."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._readers: dict[int, Action] = {}
        self._timers: list[Timer] = []

    def watch(self, descriptor: int, action: Action) -> None:
        """Call the action whenever the descriptor is readable. It must read all there is."""
        self._readers[descriptor] = action
        self._poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        """Watch the descriptor no longer."""
        if self._readers.pop(descriptor, None):
            self._poll.unregister(descriptor)

    def after(self, seconds: float, action: Action) -> Timer:
        """Call the action once, this many seconds from now."""
        timer = Timer(time.monotonic() + seconds, action)
        self._timers.append(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Forget a timer, if it is still to come."""
        if timer in self._timers:
            self._timers.remove(timer)

    def turn(self) -> None:
        """Wait until something happens, and act upon it."""
        for descriptor, _ in self._poll.poll(self._milliseconds()):
            if descriptor in self._readers:  # an earlier action may have forgotten it
                self._readers[descriptor]()
        now = time.monotonic()
        for timer in [timer for timer in self._timers if timer.when <= now]:
            if timer in self._timers:  # an earlier action may have cancelled it
                self._timers.remove(timer)
                timer.action()

    def _milliseconds(self) -> int | None:
        if not self._timers:
            return None
        left = min(timer.when for timer in self._timers) - time.monotonic()
        return min(max(0, math.ceil(left * 1000)), 2**31 - 1)
