"""What a figure is, and how long to measure."""

from dataclasses import asdict, dataclass, fields
from typing import Any

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

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Row":
        """Return one from its JSON."""
        return cls(**{each.name: document[each.name] for each in fields(cls)})


def format_value(value: float) -> str:
    """Return a value with three digits that tell something, or all before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def format_table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| figure | measured | bar | holds |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row.figure} | {format_value(row.value)} {row.unit}{row.note and f' ({row.note})'} "
        f"| ≤ {row.bar:g} {row.unit} | {'yes' if row.holds else 'NO'} |"
        for row in rows
    ]
    return "\n".join(lines)
