"""Which backups are kept, and giving back the space of those that are not."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from agent.backup import record, undo, workspace_id
from agent.backup.create import comparison
from agent.backup.create.snapshot import SAFETY, SHRUNK, TAG
from agent.backup.record import Record
from agent.backup.restic import locks
from agent.backup.restic.client import Restic, Snapshot
from agent.backup.target import name_workspace
from agent.machine.errors import Problem
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import Limits, Message
from agent.machine.values import frozen
from agent.settings.backup import Backup
from agent.settings.everything import Settings

SAFETY_KEPT = 3
"""The newest snapshots made before a restore that are kept, beside those that `undo` needs."""
DETAIL = {"last": 3, "hourly": 24}
"""What is kept beside one a day, where DEV8_BACKUP_KEEP says nothing."""
FUTURE = timedelta(minutes=5)
"""From here on a backup's time is not merely that of a clock which goes a little fast."""
MOST_AT_ONCE = 500
"""Snapshots that one command names; the first round over an old repository may find thousands."""
FORGET_LIMITS = Limits(total=1800.0)
PRUNE_LIMITS = Limits(first=86400.0, stall=86400.0, total=6 * 3600.0)


@frozen
class Forgotten:
    """What became of the old backups on one target."""

    kept: int
    removed: int
    warning: Problem | None = None


def forget(restic: Restic, settings: Settings, newest: Snapshot) -> Forgotten:
    """Forget the old backups, after a new one that the target has listed: `newest`, which stays.

    Those that are dated in the future would take the places of good ones, so they are kept in
    addition, as are those of another workspace with this name. Space is given back by `prune`
    alone. Raises ResticError.
    """
    host, name = name_workspace(settings), restic.target.name
    now, known = restic.facts.clock.now(), record.read(restic.facts, name)
    listed = restic.snapshots("--host", host)
    why = find_pause(known, newest)
    if why:
        cause = f"removed no backups on {name}: {why}"
        return Forgotten(len(listed), 0, Problem(cause))
    backups = [item for item in listed if TAG in item.tags]
    mark = workspace_id.read_mark(restic.facts)
    others = {item.id for item in listed if not comparison.is_ours(item, mark, known)}
    ahead = find_future(backups, now)
    held = others.union(item.id for item in find_future(listed, now))
    rules = add_to_rules(choose_rules(settings.backup), sum(item.id in held for item in backups))
    groups = _ask(restic, host, TAG, rules)
    if newest.id not in find_ids(groups, "keep", "remove"):
        cause = f"the new one, {newest.short}, is not listed"
        problem = Problem(f"cannot remove backups on {name}: {cause}")
        return Forgotten(len(backups), 0, problem)
    removable = find_ids(groups, "remove") - {newest.id}
    safe = [item.id for item in listed if SAFETY in item.tags and item.id not in held]
    removable |= set(safe[:-SAFETY_KEPT])
    removable -= undo.find_needed(restic.facts) | others
    for ids in _cut(sorted(removable)):
        doing = f"remove old backups on {restic.target.name}"
        locks.check_alone(restic, doing, "forget", "--quiet", *ids, limits=FORGET_LIMITS)
    kept = len(find_ids(groups, "keep", "remove") - removable)
    return Forgotten(kept, len(removable), _warn(ahead, restic.target.name))


def find_pause(known: Record, newest: Snapshot) -> str:
    """Return why nothing may be forgotten now; empty: nothing keeps from it.

    Old backups may be the only good ones, until a person has looked.
    """
    if SHRUNK in newest.tags and not known.shrunk:
        return f"the newest backup, {newest.short}, is almost empty"
    return known.shrunk or known.lost or known.unmounted or known.finding


def choose_rules(backup: Backup) -> Mapping[str, int]:
    """Return kind -> how many are kept. None goes by age: a workspace at rest loses nothing."""
    return backup.keep or {**DETAIL, "daily": backup.retention_days}


def add_to_rules(rules: Mapping[str, int], count: int) -> dict[str, int]:
    """Return rules that keep so many more of each kind."""
    return {kind: number + count for kind, number in rules.items()}


def find_future(snapshots: Iterable[Snapshot], now: datetime) -> list[Snapshot]:
    """Return those that are dated in the future."""
    return [item for item in snapshots if item.time > now + FUTURE]


def find_ids(groups: Iterable[Message], *lists: str) -> set[str]:
    """Return the ids in these lists (keep, remove) of what `forget --dry-run --json` prints."""
    return {item["id"] for group in groups for name in lists for item in group.get(name) or ()}


def _ask(restic: Restic, host: str, tag: str, rules: Mapping[str, int]) -> Sequence[Message]:
    """Return what restic would keep and remove; by host, since paths may change."""
    words = [word for kind, number in rules.items() for word in (f"--keep-{kind}", str(number))]
    finished = restic.check(
        f"choose old backups on {restic.target.name}", "forget", "--dry-run", "--no-lock",
        "--json", "--host", host, "--tag", tag, "--group-by", "host", *words,
    )  # fmt: skip
    groups: Sequence[Message] = json.loads(finished.output or "[]") or []
    return groups


def _cut(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + MOST_AT_ONCE] for start in range(0, len(ids), MOST_AT_ONCE))


def _warn(ahead: Sequence[Snapshot], target: str) -> Problem | None:
    if not ahead:
        return None
    ids = " ".join(item.short for item in ahead)
    return Problem(
        f"backups on {target} are dated in the future: {ids}; the clock was wrong when they were "
        "made; they are kept in addition to the others",
        f"if you do not need them: devcopilot backup restic --target {target} -- forget {ids}",
    )


def is_prune_due(known: Record, interval: float, now: datetime) -> bool:
    """Tell whether space is to be given back; before the first backup there is none.

    Never after a backup that failed: nothing is deleted to make room on a target that is full.
    """
    good = bool(known.snapshot) and not (known.problem or known.finding or known.lost)
    return interval > 0 and good and record.is_over(known.pruned, interval, now)


def prune(restic: Restic) -> None:
    """Give back the space of forgotten backups, also what an earlier run left half done.

    The caller holds the lock. Raises ResticError, and OSError when the record cannot be written.
    """
    name = restic.target.name
    locks.check_alone(restic, f"free space on {name}", "prune", "--quiet", limits=PRUNE_LIMITS)
    now = format_time(restic.facts.clock.now())
    record.note(restic.facts, name, pruned=now)
