"""Which snapshot is meant, and what in it: by id, by time, and by path."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from agent.backup import reading, record, workspace_id
from agent.backup.create import comparison, shrinking
from agent.backup.create.snapshot import SAFETY, SHRUNK, TAG
from agent.backup.create.survey import Count
from agent.backup.restic.client import Restic, ResticError, Snapshot
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import Limits, Message
from agent.machine.storage.folders import to_json_name
from agent.machine.values import frozen

LATEST = "latest"
SLACK = timedelta(minutes=1)
"""By which clocks may differ."""
HOW_TO_LIST = "`devcopilot backup list` shows them"


@frozen
class Chosen:
    """A snapshot on one target."""

    restic: Restic
    snapshot: Snapshot
    warnings: tuple[Problem, ...] = ()


def choose(places: Sequence[Restic], host: str, wanted: str, now: datetime) -> Chosen:
    """Return the snapshot that is wanted, from the first of these targets that has it.

    `wanted`: `latest`, the beginning of an id, or a local time such as 2026-11-24 or
    2026-11-24T18:00, which means the last backup until then. Raises AgentError.
    """
    pick = make_pick(wanted, host, now)
    failures = []
    for restic in places:
        try:
            found = restic.snapshots()
        except ResticError as error:
            failures.append(comparison.explain_listing(restic, error))
            continue
        snapshot = pick(found)
        if snapshot and wanted == LATEST:
            snapshot = choose_latest(restic, snapshot, found, now)
        if snapshot:
            warnings = (*failures, *warn_of_future(found, host, now))
            if wanted == LATEST:
                newer = warn_of_newer(found, snapshot, host, now)
                warnings = (*warnings, *warn_of_shrunk(found, host, snapshot), *newer)
            return Chosen(restic, snapshot, warnings)
    if failures:
        raise AgentError(*failures)
    names = ", ".join(restic.target.name for restic in places)
    raise AgentError(Problem(f"cannot find a backup for {wanted} on {names}", HOW_TO_LIST))


def choose_latest(
    restic: Restic, newest: Snapshot, found: Iterable[Snapshot], now: datetime
) -> Snapshot:
    """Return what `latest` means where `newest` is the newest one of this workspace's name.

    It is this workspace's own, if there is any. Raises AgentError where it holds next to nothing
    of what the one before held, and nobody has accepted that: somebody has to say which is meant.
    """
    facts = restic.facts
    known, mark = record.read(facts, restic.target.name), workspace_id.read_mark(facts)
    backups = [item for item in found if TAG in item.tags and item.host == newest.host]
    ours = [item for item in backups if mark in item.tags or (mark and
            comparison.is_ours(item, mark, known))]  # fmt: skip
    if SHRUNK not in newest.tags:
        ours = [item for item in ours if SHRUNK not in item.tags]
    latest = comparison.find_newest(ours, now) or newest
    earlier = [item for item in backups if item.time < latest.time and SHRUNK not in item.tags]
    before = comparison.find_newest(earlier, now)
    is_known = known.snapshot == latest.id and not known.shrunk
    if before and not is_known and shrinking.has_shrunk(count(before), count(latest)):
        problem = Problem(
            f"the newest backup, {latest.short}, is almost empty: {latest.files:,} files; the one "
            f"before, {before.short} of {format_time(before.time)}, holds "
            f"{before.files:,}",
            f"choose one: devcopilot backup restore {before.short}, or {latest.short}",
        )
        raise AgentError(problem)
    return latest


def count(snapshot: Snapshot) -> Count:
    """Return how much a snapshot holds."""
    return Count(snapshot.files, snapshot.size)


def warn_of_newer(
    found: Iterable[Snapshot], chosen: Snapshot, host: str, now: datetime
) -> Iterable[Problem]:
    """Yield a line for a newer backup of another workspace with this name."""
    backups = [item for item in found if TAG in item.tags and item.host == host]
    newest = comparison.find_newest((item for item in backups if SHRUNK not in item.tags), now)
    if newest and newest.time > chosen.time:
        yield Problem(
            f"{newest.short} of {format_time(newest.time)} is newer; another workspace of "
            "this name made it",
            "use its id to restore it",
        )


def make_pick(
    wanted: str, host: str, now: datetime
) -> Callable[[Iterable[Snapshot]], Snapshot | None]:
    """Return what picks the wanted one of a target's snapshots. Raises AgentError (exit 2)."""
    if wanted == LATEST:
        return lambda found: _pick_latest(found, host, now + SLACK)
    if re.fullmatch(r"[0-9a-f]{2,64}", wanted):
        return lambda found: _pick_id(found, wanted)
    moment = parse_moment(wanted)
    if moment is None:
        raise UsageError(
            f"cannot find the backup {wanted}: it is neither an id nor a time",
            f"{HOW_TO_LIST}; a time looks like 2026-11-24 or 2026-11-24T18:00",
        )
    return lambda found: _pick_last(found, host, moment)


def parse_moment(text: str) -> datetime | None:
    """Return the last moment that a local date or time means; None: it is neither."""
    if not re.match(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == len("2026-11-24"):
        found += timedelta(days=1, microseconds=-1)
    elif len(text) == len("2026-11-24T18:00"):
        found += timedelta(minutes=1, microseconds=-1)
    return found.astimezone()


def _pick_latest(found: Iterable[Snapshot], host: str, until: datetime) -> Snapshot | None:
    """Return the newest until then that holds more than next to nothing; if need be any other."""
    mine = tuple(found)
    whole = [item for item in mine if SHRUNK not in item.tags]
    tries = ((whole, until), (whole, None), (mine, until), (mine, None))
    return next((one for some, end in tries if (one := _pick_last(some, host, end))), None)


def _pick_last(found: Iterable[Snapshot], host: str, until: datetime | None) -> Snapshot | None:
    """Return the newest backup of this workspace that was made until then."""
    mine = [item for item in found if TAG in item.tags and item.host == host]
    return max(
        (item for item in mine if until is None or item.time <= until),
        key=lambda item: item.time,
        default=None,
    )


def _pick_id(found: Iterable[Snapshot], prefix: str) -> Snapshot | None:
    """Return the one whose id begins so. Raises AgentError when there are several."""
    known = [item for item in found if item.id.startswith(prefix) and {TAG, SAFETY} & {*item.tags}]
    if len(known) > 1:
        names = ", ".join(item.short for item in known)
        raise AgentError(Problem(f"cannot choose a backup: {prefix} begins {names}", HOW_TO_LIST))
    return known[0] if known else None


def warn_of_shrunk(found: Iterable[Snapshot], host: str, chosen: Snapshot) -> Iterable[Problem]:
    """Yield a line when a newer backup was passed over."""
    newer = [item.short for item in found if SHRUNK in item.tags and item.host == host
             and item.time > chosen.time]  # fmt: skip
    if newer:
        yield Problem(
            f"almost empty: {', '.join(newer)}; skipped by `latest`",
            "use an id to restore one",
        )


def warn_of_future(found: Iterable[Snapshot], host: str, now: datetime) -> Iterable[Problem]:
    """Yield a line for the backups that are newer than now: a clock was or is wrong."""
    ahead = [item.short for item in found if item.host == host and item.time > now + SLACK]
    if ahead:
        yield Problem(
            f"dated in the future: {', '.join(ahead)}; skipped by `latest`",
            "check the clock; use an id to restore one",
        )


# --- what is in it ------------------------------------------------------------------------------


def list_entries(chosen: Chosen, path: Path, *words: str) -> list[Message]:
    """Return what the snapshot holds at a path and, of a folder, directly in it.

    Names are as `to_json_name` makes them. With --recursive, all below. Raises AgentError.
    """
    nodes: list[Message] = []
    _look_into(chosen, path, words, nodes.append)
    return nodes


def list_names(chosen: Chosen, path: Path) -> frozenset[str]:
    """Return the names of all that the snapshot holds at a path and below. Raises AgentError."""
    names: set[str] = set()
    _look_into(chosen, path, ["--recursive"], lambda node: names.add(node["path"]))
    return frozenset(names)


def _look_into(
    chosen: Chosen, path: Path, words: Iterable[str], take: Callable[[Message], None]
) -> None:
    def hear(message: Message) -> None:
        if message.get("message_type") == "node":
            take(message)

    doing = f"look into the backup {chosen.snapshot.short}"
    reading.check(chosen.restic, doing, "ls", "--json", *words, chosen.snapshot.id, str(path),
                  limits=Limits(), listener=hear)  # fmt: skip


def holds(chosen: Chosen, path: Path) -> bool:
    """Return whether the snapshot holds something at a path. Raises AgentError."""
    name = to_json_name(str(path))
    return any(node["path"] == name for node in list_entries(chosen, path))


def check_held(chosen: Chosen, path: Path) -> None:
    """Raise AgentError, which tells of the nearest name, when the snapshot lacks a path."""
    if holds(chosen, path):
        return
    problem = Problem(
        f"cannot restore {path}: the backup {chosen.snapshot.short} lacks it",
        find_nearest(chosen, path),
    )
    raise AgentError(problem)


def find_nearest(chosen: Chosen, path: Path) -> str:
    """Return what the snapshot holds nearest to a path that it lacks; empty: nothing."""
    missing = path
    for parent in path.parents:
        names = [node["name"] for node in list_entries(chosen, parent)
                 if str(Path(node["path"]).parent) == to_json_name(str(parent))]  # fmt: skip
        if names:
            near = difflib.get_close_matches(missing.name, names, 1, 0.5)
            return f"did you mean {parent / near[0]}?" if near else f"{parent} is in it"
        missing = parent
    return ""
