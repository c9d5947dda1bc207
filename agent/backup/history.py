"""The history of backups, of the last weeks: a row a day for each target, so it stays small.

The record knows the last backup only, and to ask the target takes the network.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from agent.machine.records.documents import STATE, Document, fill
from agent.machine.system import Facts
from agent.machine.values import frozen

DAYS = 30
"""Rows that are kept of a target: of the days on which a backup was begun."""


@frozen
class Day:
    """The backups to one target on one day."""

    day: str
    """In UTC: 2026-01-31."""
    good: int = 0
    """How many were made, or found nothing to do."""
    failed: int = 0
    size: int = 0
    """Bytes in the last good one."""
    added: int = 0
    """Bytes that they took on the target."""
    seconds: float = 0.0
    """What the last good one took."""


History = Mapping[str, Sequence[Day]]
"""Name of the target -> its days, the newest last."""


def parse(document: Mapping[str, Any]) -> History:
    """Return the history from its JSON. Raises one of DAMAGE."""
    return {name: [fill(Day, row) for row in rows] for name, rows in document.items()}


FILE = Document[History](
    STATE, "backup/history.json", "backups of the last weeks, a row for each day", parse, dict,
    dump=lambda history: {name: [asdict(day) for day in days] for name, days in history.items()},
    spare=True,
)  # fmt: skip


def add(days: Sequence[Day], new: Day) -> list[Day]:
    """Return the days with one more backup in them, and those dropped that are too old.

    After a clock was set back the days may come in any order; so they are sorted.
    """
    before = {day.day: day for day in days}
    if known := before.get(new.day):
        good = new if new.good else known
        new = replace(
            good, good=known.good + new.good, failed=known.failed + new.failed,
            added=known.added + new.added,
        )  # fmt: skip
    return sorted({**before, new.day: new}.values(), key=lambda day: day.day)[-DAYS:]


def note(facts: Facts, name: str, new: Day) -> None:
    """Add a backup to the history of a target. Raises OSError. The caller holds the lock."""
    history = FILE.read(facts)
    FILE.write(facts, {**history, name: add(history.get(name, ()), new)})
