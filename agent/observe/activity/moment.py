"""One moment on three clocks. All that is remembered is on the first, which nobody can set."""

import time

from agent.machine.light.clock import timestamp


class Moment:
    """When a sample was taken, in seconds."""

    __slots__ = ("awake", "boot", "wall")

    def __init__(self, boot: float, awake: float, wall: float) -> None:
        self.boot = boot
        """Since the machine started, in which it slept included."""
        self.awake = awake
        """The same without the time in which it slept."""
        self.wall = wall
        """Since the epoch, by a clock that somebody may set."""

    def tell(self, boot: float | None) -> str | None:
        """Return RFC 3339 for a moment of the first clock, by the present time of day."""
        return None if boot is None else timestamp(self.wall - self.boot + boot, digits=0)


def read() -> Moment:
    """Return the present moment."""
    boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return Moment(boot, time.clock_gettime(time.CLOCK_MONOTONIC), time.time())
