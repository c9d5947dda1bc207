"""The backups on each destination."""

from collections.abc import Callable

from agent.backup.status import Row
from agent.observe.metrics.family import Family, Kind, Sample, labelled, moment
from agent.observe.status import Status


def find_rows(status: Status) -> list[tuple[str, Row]]:
    """Return the destinations."""
    return [(row.target, row) for row in status.backups]


each = labelled("target", find_rows)
"""Makes what reads a value of each destination, where it is known."""


def each_made(find: Callable[[Row], float]) -> Callable[[Status], list[Sample]]:
    """Return what reads a value of the last backup on each destination that has one."""
    return each(lambda row: find(row) if row.snapshot else None)


FAMILIES = (
    Family[Status](
        "devcopilot_backup_ok", Kind.GAUGE,
        "1 while backups to the destination work, are not overdue, and are sound.",
        each(lambda row: not row.red), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_last_success_timestamp_seconds", Kind.GAUGE,
        "When the workspace was last known to be as in the last backup; missing: never.",
        each(lambda row: moment(row.seen)), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_last_verified_timestamp_seconds", Kind.GAUGE,
        "When the destination was last verified; missing: never.",
        each(lambda row: moment(row.verified)), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_next_timestamp_seconds", Kind.GAUGE,
        "When the next backup is due; missing: not automatically.",
        each(lambda row: moment(row.next)), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_duration_seconds", Kind.GAUGE, "How long the last backup took.",
        each_made(lambda row: row.seconds), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_size_bytes", Kind.GAUGE, "Size of the files in the last backup.",
        each_made(lambda row: row.size), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_files", Kind.GAUGE, "Files in the last backup.",
        each_made(lambda row: row.files), ("target",),
    ),
    Family[Status](
        "devcopilot_backup_missing_files", Kind.GAUGE,
        "Files that the last backup lacks, since they could not be read.",
        each_made(lambda row: row.lacking), ("target",),
    ),
)  # fmt: skip
