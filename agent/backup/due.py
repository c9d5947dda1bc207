"""Does what is due: a backup, then the maintenance of each target."""

from collections.abc import Sequence
from datetime import datetime

from agent.backup import record
from agent.backup.create.content import ToolFiles
from agent.backup.create.session import Outcome, Session, Wishes
from agent.backup.create.snapshot import BackupResult
from agent.backup.schedule import find_plan
from agent.backup.target import Target
from agent.backup.upkeep import maintenance
from agent.machine.light.log import Logger
from agent.settings.context import Context

LONGEST_PAUSE = 3600.0
"""Seconds until the next look at the latest: somebody may have set the clock."""


def is_due(current: Context, target: Target) -> bool:
    """Tell whether anything is due on a target."""
    return is_time(current, target) or maintenance.is_due(current, target)


def do_what_is_due(
    current: Context, targets: Sequence[Target], tools: ToolFiles, log: Logger
) -> bool:
    """Back up to each target whose time has come, look after all; return whether all went well."""
    due = [target for target in targets if is_time(current, target)]
    made = back_up(current, due, tools, log) if due else ()
    cared = maintenance.look_after(current, targets, made, log)
    return cared and not any(item.problem for item in made)


def back_up(
    current: Context, due: Sequence[Target], tools: ToolFiles, log: Logger
) -> Sequence[BackupResult]:
    """Back up to these targets, and log it."""
    outcome = Session(
        current.settings, current.facts, due, tools, Wishes(), lambda _target: lambda _message: None
    ).back_up()
    tell(outcome, log)
    for target in due:
        note_notices(current, target, outcome.notices, log)
        known = record.read(current.facts, target.name)
        for words in filter(None, (known.lost, known.rival)):
            log.warning(words, target=target.name)
    return outcome.made


def note_notices(current: Context, target: Target, notices: Sequence[str], log: Logger) -> None:
    """Log what a person should know of what was backed up, once."""
    text = "; ".join(notices)
    if text != record.read(current.facts, target.name).notice:
        record.note(current.facts, target.name, notice=text)
        for notice in notices:
            log.warning(notice, target=target.name)


def is_time(current: Context, target: Target) -> bool:
    """Tell whether a backup to this target is due."""
    now = current.facts.clock.now()
    time = find_due(current, target, now)
    return time is not None and time <= now


def find_due(current: Context, target: Target, now: datetime) -> datetime | None:
    """Return when the next backup to a target is due; None: never automatically."""
    plan = find_plan(current.settings, current.facts)
    if plan is None:
        return None
    tried = record.parse_time(record.read(current.facts, target.name).tried)
    return plan.find_next(tried, now)


def tell(outcome: Outcome, log: Logger) -> None:
    """Log what became of each target."""
    for made in outcome.made:
        if made.problem:
            log.warning(str(made.problem), target=made.target)
        elif made.snapshot and not made.unchanged:
            log.info("backed up", **find_fields(made))
        if made.shrunk:
            log.warning(made.shrunk, target=made.target)
        if made.missing and not made.problem:
            log.warning(
                "files are missing from the backup",
                target=made.target,
                missing=made.missing[0],
                more=len(made.missing) - 1,
            )


def find_fields(made: BackupResult) -> dict[str, object]:
    """Return what the log tells of a backup; sizes in bytes."""
    assert made.snapshot  # noqa: S101 - the caller has looked
    return {
        "target": made.target,
        "snapshot": made.snapshot.short,
        "files": made.snapshot.files,
        "added": made.snapshot.added,
        "seconds": round(made.seconds, 1),
    }


def find_pause(current: Context, targets: Sequence[Target]) -> float:
    """Return the seconds until something is due again."""
    now = current.facts.clock.now()
    times = [time for target in targets if (time := find_due(current, target, now))]
    seconds = min(((time - now).total_seconds() for time in times), default=LONGEST_PAUSE)
    return max(1.0, min(seconds, LONGEST_PAUSE))
