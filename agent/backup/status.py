"""How the backups on each target stand, in few words: for `status` and `health`."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from agent.backup import record
from agent.backup.record import Record
from agent.backup.schedule import Plan, find_plan
from agent.backup.target import find_targets
from agent.backup.targets.all import TARGETS, wants_backups
from agent.machine.errors import Problem
from agent.machine.light.clock import format_time
from agent.machine.values import frozen
from agent.settings.context import Context

OVERDUE = timedelta(hours=24)
"""A backup that is later than this is missed: a container that was down has had time to make it."""


@frozen
class Row:
    """One target. Times are RFC 3339, in UTC; empty: never."""

    target: str
    seen: str
    """When the workspace was last known to be as in the last good backup."""
    snapshot: str
    """Id of that; empty: there is none."""
    made: str
    files: int
    size: int
    """Bytes in it."""
    seconds: float
    """How long it took to make."""
    missing: tuple[str, ...]
    """What it lacks, each with the cause: the first of them."""
    lacking: int
    """How many that is in all."""
    shrunk: str
    """What to report of a workspace that has lost nearly everything."""
    hook: str
    """What went wrong with a command before or after the last backup."""
    lost: str
    """What was on the target and is gone."""
    rival: str
    """What another workspace of the same name does there; that alone is only a warning."""
    problem: str
    """Why there is no newer one."""
    finding: str
    """What is wrong with what is stored."""
    verified: str
    pruned: str
    next: str
    """When the next is due; empty: not automatically."""
    overdue: bool
    red: bool
    """Whether somebody should look; see `is_red`."""
    why: str
    """Why it is red, in one line."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Return all that is wrong, a sentence each."""
        found = (self.problem, self.finding, self.lost, self.rival, self.shrunk, self.hook)
        return tuple(filter(None, found))


def find_backups(current: Context) -> list[Row]:
    """Return a row for each target that the settings name. No target is asked for that."""
    settings, facts = current.settings, current.facts
    targets = find_targets(TARGETS, settings, facts)
    plan = find_plan(settings, facts) if wants_backups(settings) else None
    names = [target.name for target in targets.ready]
    known = record.FILE.read(facts)
    return describe(known, names, targets.in_trouble, plan, facts.clock.now())


def describe(
    records: Mapping[str, Record],
    targets: Iterable[str],
    in_trouble: Mapping[str, Problem],
    plan: Plan | None,
    now: datetime,
) -> list[Row]:
    """Return a row for each target, those in trouble last. `plan` None: no automatic backups.

    `targets`: the names of those that can be used.
    """
    known = [(name, records.get(name, Record())) for name in (*targets, *in_trouble)]
    return [describe_one(name, row, in_trouble.get(name), plan, now) for name, row in known]


def describe_one(
    name: str, known: Record, trouble: Problem | None, plan: Plan | None, now: datetime
) -> Row:
    """Return the row of one target."""
    due = plan.find_next(record.parse_time(known.tried), now) if plan else None
    overdue = due is not None and now - due > OVERDUE
    problem = str(trouble) if trouble else known.problem
    lost = "" if known.lost in (known.finding, problem) else known.lost
    reasons = [problem, known.finding, lost, known.shrunk, known.hook]
    red = is_red(*reasons, overdue=overdue)
    if overdue and not problem:
        reasons.append(f"no backup was attempted since {known.tried}")
    return Row(
        name, known.seen, known.snapshot, known.made, known.files, known.size,
        known.seconds, known.missing,
        max(known.lacking, len(known.missing)), known.shrunk, known.hook,
        lost, known.rival,
        problem, known.finding, known.verified, known.pruned,
        format_time(due) if due else "", overdue, red,
        "; ".join(filter(None, reasons)) if red else "",
    )  # fmt: skip


def is_red(*reasons: str, overdue: bool) -> bool:
    """Tell whether somebody should look.

    No new backup can be made, or next to nothing is in it, or the old ones are damaged, or a
    command that should have dumped something failed.
    Files that a backup lacks are named, but are no reason: one that nobody may read is for ever.
    """
    return any(reasons) or overdue
