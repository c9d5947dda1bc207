"""What `devcopilot doctor` found, and the file that keeps it for the page and others."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from agent.machine.records.documents import STATE, Document, fill
from agent.machine.values import frozen
from agent.settings.check import Result


@frozen
class Row:
    """One finding, as --json, the file and the page have it. It holds no secret."""

    name: str
    """Of the check."""
    group: str
    result: Result
    summary: str
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    seconds: float = 0.0
    """That the whole check took."""
    documents: str = ""
    at: str = ""
    """When it was found, RFC 3339."""

    @property
    def sentence(self) -> str:
        """Return the summary for people: with its part in front, unless it names that anyway."""
        named = not self.part or self.part.lower() in self.summary.lower()
        return self.summary if named else f"{self.part}: {self.summary}"


def _parse(document: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    rows = []
    for row in document:
        facts = row.get("facts")
        found = fill(Row, {**row, "result": Result(row["result"]), "facts": {}})
        rows.append(replace(found, facts=facts if isinstance(facts, dict) else {}))
    return tuple(rows)


def _dump(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [vars(row) for row in rows]


FILE = Document[tuple[Row, ...]](
    STATE, "doctor.json", "what `devcopilot doctor` found last", _parse, tuple, spare=True,
    dump=_dump,
)  # fmt: skip
