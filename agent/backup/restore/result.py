"""What became of a restore."""

from dataclasses import replace
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.values import frozen


@frozen
class Result:
    """What became of a restore."""

    files: int = 0
    """Files and folders that were written or set right."""
    size: int = 0
    """Bytes that were written."""
    deleted: int = 0
    kept: tuple[Path, ...] = ()
    """What no backup held; what was in the way has this name now."""
    skipped: tuple[str, ...] = ()
    """What an archive holds and was left out, each with the cause."""
    failures: tuple[str, ...] = ()
    """What could not be restored, each with the cause."""
    way_back: str = ""
    """Id of the backup that `undo` brings back; empty: there is none."""
    unfinished: Problem | None = None
    """How to go on, where files in place could not be restored."""
    place: Path | None = None
    """The new place: another one than was wanted, if something could not be restored."""


def add(one: Result, other: Result) -> Result:
    """Return what became of both."""
    return replace(
        one, files=one.files + other.files, size=one.size + other.size,
        deleted=one.deleted + other.deleted, kept=(*one.kept, *other.kept),
        failures=(*one.failures, *other.failures),
    )  # fmt: skip
