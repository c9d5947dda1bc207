"""The ledger: what the agent wrote, by which a file of its own is told from a user's."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from agent.machine.parsing import parse_json

LEDGER = "owned.json"
"""File in the state folder: a JSON object, path -> [step, SHA-256 of the content written]."""


@dataclass
class Ledger:
    """What the agent wrote: path -> (step, SHA-256). The one mutable value here."""

    entries: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: bytes | None) -> "Ledger":
        """Read the ledger; nothing, or a damaged one, is an empty one: then nothing is ours."""
        try:
            raw = parse_json(text or b"{}")
            return cls(
                {str(path): (str(step), str(digest)) for path, (step, digest) in raw.items()}
            )
        except (ValueError, TypeError, AttributeError):
            return cls()

    def encode(self) -> bytes:
        """Return the ledger as JSON."""
        return json.dumps(self.entries, indent=1, sort_keys=True).encode() + b"\n"

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


def digest(content: bytes) -> str:
    """Return the SHA-256 of the content in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
