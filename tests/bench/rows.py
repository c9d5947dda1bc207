"""What a figure is, and how long to measure."""

from dataclasses import asdict, dataclass

MILLISECONDS = 1000.0


@dataclass(frozen=True)
class Options:
    """How long to measure."""

    runs: int
    idle_seconds: float


@dataclass(frozen=True)
class Row:
    """One figure and the bar that it must stay under."""

    figure: str
    value: float
    bar: float
    unit: str
    note: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether the bar is kept."""
        return self.value <= self.bar

    def document(self) -> dict[str, object]:
        """Return the row for JSON."""
        return {**asdict(self), "holds": self.holds}
