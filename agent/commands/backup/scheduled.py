"""Do what is due: a backup, then what keeps the targets in order. The agent's own job."""

import argparse
import os
from collections.abc import Sequence
from datetime import UTC, datetime

from agent.backup import lock, record
from agent.backup.make.creation import Made
from agent.backup.make.session import Outcome, Session, Wishes
from agent.backup.schedule import find_plan
from agent.backup.target import Target
from agent.commands.backup import care, work
from agent.machine import runtime
from agent.machine.background import give_way
from agent.machine.exits import Exit
from agent.machine.log import Logger
from agent.settings import context
from agent.settings.context import Context

JOB = "backup"
LONGEST_PAUSE = 3600.0
"""Seconds until the next look at the latest: somebody may have set the clock."""
WAY_PAUSE = 60.0
"""Seconds until the next look, after it has made way for somebody."""
BUSY_PAUSE = 300.0
"""Seconds until the next look, when somebody else works on the backups."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options: none."""


def run(_: argparse.Namespace) -> int:
    """Do it; exit 0 also when nothing was due."""
    current = context.load()
    log = Logger("backup", current.settings.agent.log_level or "info")
    give_way()
    found = work.find(current)
    targets, done = found.ready, not found.in_trouble
    for name, problem in found.in_trouble.items():
        log.warning(str(problem), target=name)
    if not any(is_time(current, target) or care.is_due(current, target) for target in targets):
        wish(current, find_pause(current, targets))
        return Exit.OK if done else Exit.FAILED
    try:
        with (
            lock.hold(current.facts, "a scheduled backup is being made"),
            lock.make_way(current.facts),
        ):
            done = do_what_is_due(current, targets, log) and done
    except lock.BusyError:
        wish(current, BUSY_PAUSE)
        return Exit.OK
    except lock.GiveWay:
        log.info("made way for a command of yours; what was due is done soon")
        wish(current, WAY_PAUSE)
        return Exit.OK
    wish(current, find_pause(current, targets))
    return Exit.OK if done else Exit.FAILED


def do_what_is_due(current: Context, targets: Sequence[Target], log: Logger) -> bool:
    """Back up to each target whose time has come, look after all; return whether all went well."""
    due = [target for target in targets if is_time(current, target)]
    made = back_up(current, due, log) if due else ()
    cared = care.look_after(current, targets, made, log)
    return cared and not any(item.problem for item in made)


def back_up(current: Context, due: Sequence[Target], log: Logger) -> Sequence[Made]:
    """Back up to these targets, and log it."""
    outcome = Session(
        current.settings, current.facts, due, Wishes(), lambda _target: lambda _message: None
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
    now = datetime.now(UTC)
    time = find_due(current, target, now)
    return time is not None and time <= now


def find_due(current: Context, target: Target, now: datetime) -> datetime | None:
    """Return when the next backup to a target is due; None: never by itself."""
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
            log.warning("the backup lacks files", target=made.target, missing=made.missing[0],
                        more=len(made.missing) - 1)  # fmt: skip


def find_fields(made: Made) -> dict[str, object]:
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
    now = datetime.now(UTC)
    times = [time for target in targets if (time := find_due(current, target, now))]
    seconds = min(((time - now).total_seconds() for time in times), default=LONGEST_PAUSE)
    return max(1.0, min(seconds, LONGEST_PAUSE))


def wish(current: Context, seconds: float) -> None:
    """Tell init when the next run is to be."""
    folder = current.facts.runtime / runtime.JOBS
    folder.mkdir(mode=0o700, exist_ok=True)
    runtime.write_atomic(os.fspath(folder / f"{JOB}.next"), f"{seconds:.1f}\n".encode())
