"""Whether backups are made: when the last one was, and what is known to be wrong with it."""

from collections.abc import Iterator

from agent.backup.record import parse_time
from agent.backup.status import Row, find_backups
from agent.backup.targets.all import wants_backups
from agent.machine.light.human import format_age
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

AGAIN = "devcopilot backup create"


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each destination."""
    rows = find_backups(current)
    automatic = wants_backups(current.settings)
    if not rows:
        yield Finding(
            Result.SKIPPED,
            "no backups are made: the work in this workspace exists only here",
            "set BACKUP_DIR, AWS_S3_BUCKET or AZURE_STORAGE_CONTAINER: docs/backups.md",
        )
    for row in rows:
        yield judge(row, automatic=automatic)


def judge(row: Row, *, automatic: bool) -> Finding:
    """Return how the backups of one destination stand. `automatic`: a schedule makes them."""
    result, summary, fix = _judge(row, automatic)
    facts = {"seen": row.seen, "made": row.made, "verified": row.verified, "next": row.next}
    return Finding(result, summary, fix, facts, row.target)


def _judge(row: Row, automatic: bool) -> tuple[Result, str, str]:
    if row.red:
        return Result.FAIL, f"backup to {row.target}: {row.why}", AGAIN
    seen = parse_time(row.seen)
    if seen is None:
        summary = f"there is no backup on {row.target} yet"
        due = f"{summary}; the first is made soon"
        return (Result.OK, due, AGAIN) if automatic else (Result.WARN, summary, AGAIN)
    summary = f"last known good on {row.target}: {format_age(seen)}"
    if row.rival:
        return Result.WARN, f"{summary}; {row.rival}", "give each workspace another ENVIRONMENT_ID"
    if row.lacking:
        lacks = f"{summary}, without {row.lacking} files that could not be read"
        return Result.WARN, lacks, "`devcopilot status` names them"
    if automatic:
        return Result.OK, summary, ""
    manual = "set DEV8_BACKUP=true and DEV8_BACKUP_SCHEDULE to have them made automatically"
    return Result.OK, f"{summary}; none are made automatically", manual


CHECK = Check(
    "backup-history", "Backups", "when the last backup was made, and what it lacks", look,
    documents="docs/backups.md#problems-and-fixes",
)  # fmt: skip
