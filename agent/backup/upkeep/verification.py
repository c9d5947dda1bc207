"""Whether the backups on a target can be relied on: a backup that was made says nothing of that.

Each check reads all that the repository says of itself, another part of its data, and restores some
files for a trial. What it finds stays in the record until a check of the same part passes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from agent.backup import record, workspace_id
from agent.backup.create import comparison
from agent.backup.create.snapshot import TAG
from agent.backup.reasons import explain
from agent.backup.record import Record
from agent.backup.restic import locks
from agent.backup.restic.client import Code, Restic, ResticError, Snapshot
from agent.backup.target import name_workspace
from agent.backup.upkeep import trial_restore
from agent.backup.upkeep.trial_restore import Trial
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import Finished, Limits, find_words
from agent.machine.values import frozen
from agent.settings.everything import Settings

ROUND = 14 * 86400.0
"""Seconds in which all data is read, as long as that is not too much at a time."""
SMALL, LARGE = 256 * 10**6, 2 * 10**9
"""Bytes that one check reads at least, where there are as many, and at most."""
MOST_PARTS = 256
"""restic's limit."""
LIMITS = Limits(first=86400.0, stall=86400.0, total=6 * 3600.0)
LONGEST = 160
"""Characters of restic's own words in a finding."""


@frozen
class Verdict:
    """What a check has shown."""

    target: str
    part: int
    parts: int
    """The part of the data that was read back, of how many."""
    trial: Trial
    finding: str
    """What is wrong, where, and what fixes it; empty: nothing."""


def is_due(known: Record, interval: float, now: datetime) -> bool:
    """Tell whether a target is to be checked; before its first backup there is nothing to check."""
    return interval > 0 and bool(known.snapshot) and record.is_over(known.verified, interval, now)


def verify(restic: Restic, settings: Settings) -> Verdict:
    """Check a target, and keep in the record what was found.

    The caller holds the lock. Raises ResticError when it could not be checked, which is no finding,
    and OSError when there is no room to restore a file, or the record cannot be written.
    """
    name, now = restic.target.name, restic.facts.clock.now()
    known = record.read(restic.facts, name)
    part, parts = choose_part(known, settings.backup.verify_interval)
    listing = comparison.look(restic, name_workspace(settings))
    mark = workspace_id.read_mark(restic.facts)
    found = comparison.compare(listing, known, name, TAG, mark, now)
    if found.refusal and not found.is_new:
        record.note(restic.facts, name, problem=str(found.refusal))
        return Verdict(name, part, parts, Trial(), str(found.refusal))
    damaged = found.damaged[:1]
    finding = "".join(comparison.explain_damage(restic.target, item) for item in damaged)
    finding = finding or _check(restic, part, parts)
    newest = comparison.find_newest((item for item in found.ours if TAG in item.tags), now)
    tried, doubts = Trial(), known.doubts
    if newest and not finding:
        tried = trial_restore.try_restore(restic, newest, again=known.doubts)
        finding, doubts = judge_trial(known, newest, tried, name)
        if finding:
            part = parts = 1  # nobody knows where it comes from: all is read until it is gone
    record.note(
        restic.facts, name, part=part, parts=parts, finding=finding, doubts=doubts,
        doubted=newest.id if newest and doubts != known.doubts else known.doubted,
        verified=format_time(now), lost=known.lost or found.lost,
    )  # fmt: skip
    return Verdict(name, part, parts, tried, finding or found.lost)


def choose_part(known: Record, interval: float) -> tuple[int, int]:
    """Return which part of the data is read next, of how many.

    While there is a finding it is the same again: another part could not show that it is fixed.
    """
    if known.finding and known.parts:
        return known.part, known.parts
    by_time = round(ROUND / interval) if interval else MOST_PARTS
    parts = max(min(by_time, math.ceil(known.size / SMALL)), math.ceil(known.size / LARGE), 1)
    parts = min(parts, MOST_PARTS)
    return known.part % parts + 1, parts


def _check(restic: Restic, part: int, parts: int) -> str:
    """Let restic check; return the finding."""
    doing = f"check the backups on {restic.target.name}"
    subset = f"--read-data-subset={part}/{parts}"
    finished = locks.run_alone(restic, doing, "check", "--json", subset, limits=LIMITS)
    if finished.code == Code.OK:
        return ""
    summary = finished.find("summary")
    if finished.code != Code.FAILED or not summary or not summary.get("num_errors"):
        raise ResticError(explain(doing, restic.target, finished), finished)
    return explain_check(restic.target.name, summary, finished)


def explain_check(target: str, summary: Mapping[str, object], finished: Finished) -> str:
    """Return the finding of a check that found errors, and the commands that fix it.

    https://restic.readthedocs.io/en/stable/077_troubleshooting.html
    """
    words = [find_words(item).strip().splitlines() for item in finished.errors]
    what = next((lines[0] for lines in words if lines), "it did not say where")
    broken = summary.get("broken_packs")
    repair = "repair index"
    if isinstance(broken, list) and broken:
        repair = " ".join(["repair packs", *map(str, broken)])
    return f"the repository is damaged: {shorten(what)}; {describe_repair(target, repair)}"


def explain_trial(target: str, snapshot: Snapshot, differences: Sequence[str]) -> str:
    """Return the finding of a trial restore that went wrong."""
    first, count = differences[0], len(differences)
    more = f" (and {count - 1} more)" if count > 1 else ""
    what = f"a trial restore of {snapshot.short} failed: {shorten(first)}{more}"
    return f"{what}; {describe_repair(target, 'check --read-data')}"


def describe_repair(target: str, first: str) -> str:
    """Return what fixes a repository whose source is still there, `first` before all else."""
    restic = f"devcopilot backup restic --target {target} --"
    return (
        f"to fix it: {restic} {first}; devcopilot backup create --force --target {target}; "
        f"{restic} repair snapshots --forget; devcopilot backup verify --target {target}"
    )


def shorten(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def judge_trial(
    known: Record, newest: Snapshot, tried: Trial, target: str
) -> tuple[str, tuple[str, ...]]:
    """Return the finding of a trial restore, and the files that are in doubt from now on.

    A live file that differs although its times are as in the backup may be mapped into memory by a
    program: that counts only when it is so again in a later backup.
    """
    again = [text for text in tried.doubts if _name(text) in known.doubts]
    if known.doubted == newest.id:
        return _tell(target, newest, tried, ()), known.doubts
    return _tell(target, newest, tried, again), tuple(_name(text) for text in tried.doubts)


def _tell(target: str, newest: Snapshot, tried: Trial, again: Iterable[str]) -> str:
    differences = (*tried.differences, *again)
    return explain_trial(target, newest, differences) if differences else ""


def _name(text: str) -> str:
    return text.rpartition(": ")[0]
