"""What a target holds, compared with what this workspace knows: before each backup, at each check.

A record alone does not show that a mount is absent, that somebody removed backups, or that another
workspace of the same name uses the target, too.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from agent.backup import record, workspace_id
from agent.backup.create import new_repository
from agent.backup.record import Record
from agent.backup.restic.client import Code, Listing, Restic, ResticError, Snapshot
from agent.backup.target import Target
from agent.machine.errors import Problem
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import QUICK, Limits
from agent.machine.system import Facts
from agent.machine.values import frozen

SLACK = timedelta(minutes=5)
"""By which a backup may be ahead of the clock; one that is further ahead was dated by a wrong one.
"""


@frozen
class Comparison:
    """What was found on a target."""

    ours: tuple[Snapshot, ...] = ()
    """This workspace's snapshots of all kinds, oldest first."""
    refusal: Problem | None = None
    """Why no backup may be made unless a person asks for it."""
    is_new: bool = False
    """Whether that is since the workspace is new, and the target is not."""
    lost: str = ""
    """What was there and is gone; empty: nothing."""
    rival: str = ""
    """What another workspace of this name does there; empty: there is none."""
    damaged: tuple[str, ...] = ()
    """Ids of the snapshots that cannot be read."""


def look(restic: Restic, host: str, limits: Limits = QUICK) -> Listing | None:
    """Return what the target lists of this workspace's name; None: there is no repository.

    One whose making went wrong is set right, if nothing can be lost. Raises ResticError.
    """
    try:
        return restic.list_snapshots("--host", host, limits=limits)
    except ResticError as error:
        if error.finished.code == Code.NO_REPOSITORY:
            return None
        if not new_repository.is_mismatched(error.finished):
            raise
        problem = new_repository.drop_wrong_keys(restic)
        if problem:
            raise ResticError(problem, error.finished) from error
    return restic.list_snapshots("--host", host, limits=limits)


def explain_listing(restic: Restic, error: ResticError) -> Problem:
    """Return why a target lists nothing; of a repository that is gone, what was backed up there."""
    name = restic.target.name
    known = Record()
    if error.finished.code == Code.NO_REPOSITORY:
        known = record.read(restic.facts, name)
    gone = _judge_absence(known, name).refusal
    if gone is None:
        return error.problem
    return Problem(f"cannot list the backups on {name}: {gone.message}", gone.hint)


def compare(
    listing: Listing | None, known: Record, target: str, tag: str, mark: str, now: datetime
) -> Comparison:
    """Compare what a target lists with what is known of it.

    `tag` is that of ordinary backups, `mark` this workspace's own; empty: it has none yet.
    """
    if listing is None:
        return _judge_absence(known, target)
    ours = tuple(item for item in listing.snapshots if is_ours(item, mark, known))
    backups = [item for item in listing.snapshots if tag in item.tags]
    found = Comparison(ours, damaged=listing.damaged)
    if not known.snapshot:
        newest = find_newest(backups, now)
        if newest and not known.accepted and not any(mark in item.tags for item in backups):
            return replace(found, refusal=_refuse_new(newest, target), is_new=True)
        return found
    names = {*listing.damaged}.union(*((item.id, item.original) for item in listing.snapshots))
    lost = "" if known.snapshot in names else _tell_lost(known, find_newest(backups, now), target)
    return replace(found, lost=lost, rival=_tell_rival(backups, ours, known, target, now))


def accept(facts: Facts, target: str) -> None:
    """Take what a target holds now for this workspace's past, and give up what is gone from it.

    Raises OSError.
    """
    now = format_time(facts.clock.now())
    record.note(
        facts, target, accepted=now, snapshot="", made="", lost="", rival="", usual_files=0,
        usual_size=0,
    )  # fmt: skip


def is_ours(snapshot: Snapshot, mark: str, known: Record) -> bool:
    """Tell whether a snapshot belongs to this workspace.

    Also one that was made before ids were, and what a person accepted as this workspace's past.
    """
    marks = workspace_id.find_marks(snapshot)
    accepted = record.parse_time(known.accepted)
    return not marks or mark in marks or bool(accepted and snapshot.time <= accepted)


def find_newest(snapshots: Iterable[Snapshot], now: datetime) -> Snapshot | None:
    """Return the newest that is not dated in the future; if all are, the newest of them."""
    ordered = sorted(snapshots, key=lambda item: (item.time <= now + SLACK, item.time))
    return ordered[-1] if ordered else None


def choose_parent(
    ours: Sequence[Snapshot], tags: Sequence[str], kinds: Sequence[str], now: datetime
) -> Snapshot | None:
    """Return the snapshot that a new one is compared with: the newest of one of these kinds.

    Rather one with just these further tags: what held next to nothing is compared with its like.
    """
    of_kind = [item for item in ours if {*kinds} & {*item.tags}]
    alike = [item for item in of_kind if {*tags} <= {*item.tags} and not _extra(item, tags, kinds)]
    return find_newest(alike or of_kind, now)


def _extra(snapshot: Snapshot, tags: Sequence[str], kinds: Sequence[str]) -> set[str]:
    return {*snapshot.tags} - {*tags} - {*kinds} - workspace_id.find_marks(snapshot)


def begin_anew(target: str) -> str:
    """Return the command with which a person gives up what a target has lost."""
    return f"devcopilot backup create --anew --target {target}"


def explain_damage(target: Target, name: str) -> str:
    """Return the finding of a snapshot that cannot be read, and the commands that fix it.

    It is lost; its file stands in the way of all that reads every snapshot.
    """
    path = f"{target.repository}/snapshots/{name}"
    remove = f"rm -f {shlex.quote(path)}" if target.folder else f"remove {path} from the storage"
    return (
        f"the backup {name[:8]} is damaged and cannot be read; to fix it: {remove}; "
        f"{begin_anew(target.name)}; "
        f"devcopilot backup verify --target {target.name}"
    )


def _judge_absence(known: Record, target: str) -> Comparison:
    if not known.snapshot:
        return Comparison()
    return Comparison(refusal=Problem(
        f"there is no repository any more, although the backup {known.snapshot[:8]} was made there "
        f"at {known.made}",
        f"check that its volume is mounted or its bucket is right; to start again there: "
        f"{begin_anew(target)}",
    ))  # fmt: skip


def _refuse_new(newest: Snapshot, target: str) -> Problem:
    return Problem(
        f"this workspace is new; the newest backup on {target} is {newest.short} of "
        f"{format_time(newest.time)} with {newest.files:,} files",
        "`devcopilot backup restore` restores it; `devcopilot backup create` continues with the "
        "current content",
    )


def _tell_lost(known: Record, newest: Snapshot | None, target: str) -> str:
    left = f"the newest one there is {newest.short} of {format_time(newest.time)}" \
        if newest else "the destination lists no backups any more"  # fmt: skip
    return str(Problem(
        f"the backup {known.snapshot[:8]} of {known.made} is gone from {target}; {left}; no backup "
        "is removed until you have checked",
        f"if that is intended: {begin_anew(target)}",
    ))  # fmt: skip


def _tell_rival(
    backups: Iterable[Snapshot], ours: Sequence[Snapshot], known: Record, target: str, now: datetime
) -> str:
    """Return what another workspace did there since this one's last backup."""
    made = record.parse_time(known.made)
    others = [item for item in backups if item not in ours and (made is None or item.time > made)]
    newest = find_newest(others, now)
    if newest is None:
        return ""
    return str(Problem(
        f"another workspace of this name also backs up to {target}: {newest.short} of "
        f"{format_time(newest.time)} is from another one",
        "give each a different ENVIRONMENT_ID or folder",
    ))  # fmt: skip
