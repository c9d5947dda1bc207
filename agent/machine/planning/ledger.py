"""The ledger: what the agent wrote, which distinguishes its own files from a user's."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.machine.records.documents import STATE, Document


@dataclass
class Ledger:
    """What the agent wrote: path -> (step, SHA-256). The one mutable value here."""

    entries: dict[str, tuple[str, str]] = field(default_factory=dict)

    def owns(self, path: Path, content: bytes) -> bool:
        """Tell whether this very content was written by the agent."""
        entry = self.entries.get(str(path))
        return entry is not None and entry[1] == digest(content)

    def remember(self, step: str, path: Path, content: bytes) -> None:
        """Note that the agent wrote this content for this step."""
        self.entries[str(path)] = (step, digest(content))

    def forget(self, path: Path) -> None:
        """Drop the path."""
        self.entries.pop(str(path), None)

    def paths_of(self, step: str) -> tuple[Path, ...]:
        """Return the paths that the agent wrote for this step."""
        return tuple(Path(path) for path, (owner, _) in self.entries.items() if owner == step)


def _parse(raw: dict[str, Any]) -> Ledger:
    return Ledger({str(path): (str(step), str(digest)) for path, (step, digest) in raw.items()})


LEDGER = Document(
    STATE, "owned.json", "files that the agent wrote; it removes no others", _parse, Ledger,
    dump=lambda ledger: dict(sorted(ledger.entries.items())),
)  # fmt: skip
"""Path -> [step, SHA-256 of the content written]. Without it nothing is ours."""


def digest(content: bytes) -> str:
    """Return the SHA-256 of the content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
