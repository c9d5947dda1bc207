"""What was measured of somebody, again and again: medians and spread."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

VERSUS_PICTURE, SCALE_PICTURE = "versus", "scale"
"""The names of the page's pictures."""


@dataclass(frozen=True)
class Samples:
    """The values of one figure, in the order in which they were measured."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the middle one."""
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """Return the quartiles, between which half of the values are."""
        if len(self.values) < 2:
            return self.values[0], self.values[0]
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Comparison:
    """One figure of several who did the same on the same image, in turn."""

    figure: str
    unit: str
    measured: dict[str, Samples]
    """By the names of those who did it; who cannot do it is not in here."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "figure": self.figure,
            "unit": self.unit,
            "measured": {name: list(each.values) for name, each in self.measured.items()},
        }

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Comparison":
        """Return one from its JSON."""
        measured = {name: Samples(tuple(each)) for name, each in document["measured"].items()}
        return cls(document["figure"], document["unit"], measured)


@dataclass(frozen=True)
class Series:
    """How one figure grows with the size of something."""

    figure: str
    unit: str
    size: str
    """What grows."""
    lines: dict[str, dict[int, Samples]]
    """By the names of what was compared: for each size what was measured."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "figure": self.figure,
            "unit": self.unit,
            "size": self.size,
            "lines": {
                name: {str(size): list(each.values) for size, each in line.items()}
                for name, line in self.lines.items()
            },
        }

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Series":
        """Return one from its JSON."""
        lines = {
            name: {int(size): Samples(tuple(each)) for size, each in line.items()}
            for name, line in document["lines"].items()
        }
        return cls(document["figure"], document["unit"], document["size"], lines)
