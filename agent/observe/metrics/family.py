"""What a metric is. Standard library only.

Names follow https://prometheus.io/docs/practices/naming/: base units, `_total` for what only grows,
moments and not ages, since an age is wrong by the time somebody reads it. No label holds a user, a
repository or a login: each new value of a label is one more series for whoever keeps them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Generic, TypeVar

from agent.machine.light.clock import parse_time
from agent.machine.values import frozen

T = TypeVar("T")
Row = TypeVar("Row")
UNITS = ("seconds", "bytes", "cores")
"""The last words of names that say what is counted."""


class Kind(StrEnum):
    """What may become of a value."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """It only grows; its name ends with _total."""
    INFO = "info"
    """It is always 1, and its labels are what it says; its name ends with _info."""


@frozen
class Sample:
    """One value."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class Family(Generic[T]):
    """One metric: a value for each set of labels."""

    name: str
    """As a query names it."""
    kind: Kind
    meaning: str
    """One sentence, for whoever reads the metrics and for the documentation."""
    read: Callable[[T], Iterable[Sample]]
    """Return its samples, none where nothing is known."""
    labels: tuple[str, ...] = ()
    """The names of its labels, for the documentation."""

    @property
    def stem(self) -> str:
        """Return the name without the ending that its kind gives it."""
        return self.name.removesuffix("_total").removesuffix("_info")

    @property
    def unit(self) -> str:
        """Return the unit that the name ends with, or nothing."""
        last = self.stem.rpartition("_")[2]
        return last if last in UNITS else ""


def one(value: float | None, **labels: str) -> list[Sample]:
    """Return the one sample of a value, none if it is not known."""
    return [] if value is None else [Sample(float(value), labels)]


def labelled(
    label: str, find_rows: Callable[[T], Iterable[tuple[str, Row]]]
) -> Callable[[Callable[[Row], float | None]], Callable[[T], list[Sample]]]:
    """Return what makes a reader of one value of each of several things, where it is known.

    `find_rows` yields each thing behind its name, which becomes the value of the label.
    """

    def each(find: Callable[[Row], float | None]) -> Callable[[T], list[Sample]]:
        return lambda document: [
            Sample(value, {label: name})
            for name, row in find_rows(document)
            if (value := find(row)) is not None
        ]

    return each


def moment(text: str | None) -> float | None:
    """Return the seconds since the epoch of an RFC 3339 time; None: never, or not known."""
    found = parse_time(text) if text else None
    return found.timestamp() if found else None
