"""A clock that tests drive."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from agent.machine.light.clock import Clock

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Hands:
    """Where the hands of a driven clock stand."""

    moment: datetime = NOON
    uptime: float = 1000.0


@dataclass(frozen=True)
class DrivenClock(Clock):
    """Stands still until it is told to go on."""

    hands: list[Hands] = field(default_factory=lambda: [Hands()])

    def now(self) -> datetime:
        return self.hands[0].moment

    def uptime(self) -> float:
        return self.hands[0].uptime

    def go(self, **span: float) -> None:
        """Let time pass: `go(minutes=5)`."""
        passed = timedelta(**span)
        self.hands[0] = Hands(self.now() + passed, self.uptime() + passed.total_seconds())

    def set(self, **span: float) -> None:
        """Set the time of day forward or back, as a person or NTP does; no time passes."""
        self.hands[0] = Hands(self.now() + timedelta(**span), self.uptime())
