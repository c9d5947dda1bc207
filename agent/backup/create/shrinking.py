"""A workspace that is suddenly almost empty: most likely its volume is not mounted.

Such a backup is made all the same, and marked. Until a person accepts it, or the files are back,
older backups are not forgotten.
"""

from collections.abc import Iterable

from agent.backup.create.snapshot import SHRUNK, TAG
from agent.backup.create.survey import Count
from agent.backup.record import Record
from agent.backup.restic.client import Restic, ResticError
from agent.machine.values import frozen

SHARE = 10
"""A tenth of what was there is little."""
FEW, FEW_OF_MANY = 50, 1000
"""So many files, or this part of what was there, are next to nothing. A project whose node_modules
went is left with more."""
SMALL, LIGHT = 10, 1_000_000
"""Files and bytes below which a workspace never was more than next to nothing."""
ACCEPT = "devcopilot backup create --accept-shrunk"


@frozen
class Past:
    """What earlier backups on a target held."""

    usual: Count | None = None
    """In the last one that was not marked; None: there is none."""
    whole: bool = False
    """Whether that counts all that was backed up, not the workspace alone."""
    is_shrunk: bool = False
    """Whether the newest is marked."""


def find_past(restic: Restic, known: Record, host: str, *, may_ask: bool) -> Past:
    """Return what is known of earlier backups: from the record, else from the target itself.

    A target that does not answer takes longer than a stop has: then it may not be asked.
    """
    if known.usual_files or known.usual_size:
        return Past(Count(known.usual_files, known.usual_size), is_shrunk=bool(known.shrunk))
    if known.snapshot:
        return Past(Count(known.files, known.size), whole=True)
    if not may_ask:
        return Past()
    try:
        listed = restic.snapshots("--host", host, "--tag", TAG)
    except ResticError:
        return Past()
    good = [item for item in listed if SHRUNK not in item.tags]
    usual = Count(good[-1].files, good[-1].size) if good else None
    return Past(usual, whole=True, is_shrunk=bool(listed) and SHRUNK in listed[-1].tags)


def has_shrunk(before: Count, now: Count) -> bool:
    """Tell whether next to nothing is left of what was there."""
    if before.files < SMALL and before.size < LIGHT:
        return False
    is_little = now.files * SHARE < before.files or now.files == 0
    is_next_to_nothing = now.files < max(FEW, before.files // FEW_OF_MANY)
    return is_little and is_next_to_nothing and now.size * SHARE <= before.size


def explain(before: Count, now: Count) -> str:
    """Return what to report of such a backup."""
    return (
        f"the workspace is almost empty: {now.files:,} files instead of {before.files:,}; check "
        "that its volume is mounted; old backups are kept until the files are back, or you run "
        f"`{ACCEPT}`"
    )


def add_up(counts: Iterable[Count]) -> Count:
    """Return the sum."""
    total = Count()
    for count in counts:
        total.files += count.files
        total.size += count.size
    return total
