"""What takes the last restore in place back: a record in the state folder."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from agent.errors import AgentError, Problem
from agent.system import Facts, System

FILE = "backup/undo.json"
"""In the state folder."""


@dataclass(frozen=True)
class Undo:
    """A restore in place, and what was there before."""

    safety: str
    """Id of the backup that was made just before."""
    target: str
    """Name of the target that holds it."""
    paths: tuple[str, ...]
    """What it changed."""
    source: str
    """Id of the backup, or path of the archive, that was restored."""
    time: str
    """When it was begun: RFC 3339, in UTC."""
    finished: bool = False


def read(facts: Facts) -> Undo | None:
    """Return the record of the last restore in place, or None. Raises AgentError."""
    path = facts.state / FILE
    try:
        content = facts.read(path)
        row: dict[str, Any] = json.loads(content) if content else {}
        return Undo(**{**row, "paths": tuple(row["paths"])}) if row else None
    except OSError as error:
        raise AgentError(Problem(f"cannot read {path}: {error.strerror}")) from error
    except (ValueError, TypeError, KeyError) as error:
        hint = "`devcopilot backup list` shows the safety backup; restore that"
        raise AgentError(Problem(f"cannot read {path}: it is damaged", hint)) from error


def find_safety(facts: Facts) -> str:
    """Return the id of the backup that `undo` needs; empty: none, or nobody knows."""
    try:
        found = read(facts)
    except AgentError:
        return ""
    return found.safety if found else ""


def write(facts: Facts, undo: Undo) -> None:
    """Keep the record. Raises AgentError."""
    path = facts.state / FILE
    content = json.dumps(asdict(undo), indent=1).encode()
    try:
        System(facts.environ).write_file(path, content, 0o600)
    except OSError as error:
        raise AgentError(Problem(f"cannot write {path}: {error.strerror}")) from error
