"""What is known of the backups on each target: a JSON file in the state folder.

It outlives the container, so that the next one knows when a backup, a check or a clean-up is due.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from agent.machine.light import clock
from agent.machine.records.documents import STATE, Document, fill
from agent.machine.system import Facts
from agent.machine.values import frozen

MOST_NAMES = 50
"""Names of files that are kept of a backup which lacks some."""


@frozen
class Record:
    """What is known of one target. Times are RFC 3339, in UTC; empty: never."""

    tried: str = ""
    """When the last backup was begun."""
    problem: str = ""
    """Why it was not made; empty: it was, or nothing had changed."""
    snapshot: str = ""
    """Id of the last backup that the target lists."""
    made: str = ""
    """When that was made."""
    seen: str = ""
    """When the workspace was last known to be as in that backup."""
    files: int = 0
    size: int = 0
    """Bytes in it."""
    added: int = 0
    """Bytes that it took on the target."""
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    """What it lacks, each with the cause: the first of them."""
    lacking: int = 0
    """How many that is in all."""
    mounts: tuple[str, ...] = ()
    """What was mounted in the workspace then, and what was before and is missed."""
    unmounted: str = ""
    """Why nothing is forgotten: something of that is missed; empty: all is well."""
    usual_files: int = 0
    """Files that the workspace held at the last backup that was not marked as shrunk."""
    usual_size: int = 0
    """Bytes of those."""
    shrunk: str = ""
    """Why nothing is forgotten: next to nothing was left of the workspace; empty: all is well."""
    notice: str = ""
    """What the log has told of what was backed up: once is enough."""
    hook: str = ""
    """What went wrong with a command before or after the last backup; empty: nothing."""
    pruned: str = ""
    """When the space of forgotten backups was last freed."""
    verified: str = ""
    """When the target was last checked."""
    part: int = 0
    """Which part of the data the last check read back, from 1."""
    parts: int = 0
    """Of how many."""
    doubts: tuple[str, ...] = ()
    """Files that differed from the backup at the last check, although their times did not."""
    doubted: str = ""
    """Id of the backup that they differed from."""
    accepted: str = ""
    """When a person last took for this workspace's own what the target held then."""
    lost: str = ""
    """What was on the target and is gone, until a person has seen it; empty: nothing."""
    rival: str = ""
    """What another workspace of the same name did there; empty: nothing."""
    finding: str = ""
    """What a check found wrong, until one passes; empty: nothing."""


FILE = Document[dict[str, Record]](
    STATE, "backup/record.json", "known backups on each destination",
    lambda rows: {name: fill(Record, row) for name, row in rows.items()}, dict,
    dump=lambda records: {name: asdict(record) for name, record in records.items()}, spare=True,
)  # fmt: skip
"""Name of the target -> what is known of it."""


def read(facts: Facts, name: str) -> Record:
    """Return what is known of one target."""
    return FILE.read(facts).get(name, Record())


def note(facts: Facts, name: str, **changes: Any) -> Record:
    """Change what is known of one target, and return all of it. Raises OSError.

    The caller holds the lock of `agent.backup.lock`.
    """
    known = FILE.read(facts)
    missing = changes.get("missing")
    if missing is not None:
        changes["missing"] = tuple(missing[:MOST_NAMES])
        changes["lacking"] = len(missing)
    known[name] = replace(known.get(name, Record()), **changes)
    FILE.write(facts, known)
    return known[name]


def parse_time(text: str) -> datetime | None:
    """Return the time that a record holds; None: never, or it is no time."""
    return clock.parse_time(text, UTC)


def is_over(text: str, seconds: float, now: datetime) -> bool:
    """Tell whether so many seconds have passed since the time that a record holds.

    A time in the future was noted by a wrong clock, and counts as long ago.
    """
    time = parse_time(text)
    return time is None or time > now or (now - time).total_seconds() >= seconds
