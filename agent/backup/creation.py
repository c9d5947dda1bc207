"""Making a backup on one target: restic makes a snapshot, and the target must then list it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.backup import comparison, locks, making
from agent.backup.databases import Failure
from agent.backup.lacking import find_missing, lost_packs
from agent.errors import Problem
from agent.follow import Finished, Limits, Listener
from agent.reasons import explain
from agent.restic import LOCK_WAIT, Code, Restic, ResticError, Snapshot

TAG = "devcopilot"
"""What a backup is marked with."""
SAFETY = "safety"
"""What one is marked with that was made before a restore changed anything."""
SHRUNK = "shrunk"
"""What one is marked with in addition that holds next to nothing of what earlier ones held: see
`agent.backup.shrinking`."""

TRIES = 6
"""Runs of restic at most, while somebody repacks a repository of git all the time."""


@dataclass(frozen=True)
class Contents:
    """What goes into a backup."""

    paths: tuple[Path, ...]
    """Absolute, and the same each time: restic finds the last backup by them."""
    excludes: tuple[str, ...] = ()
    """restic's patterns, anchored."""
    missing: tuple[str, ...] = ()
    """What could not be got ready, each with the cause."""
    doubtful: tuple[Failure, ...] = ()
    """Databases of which there is no copy: missing unless nobody writes to them meanwhile."""
    unreadable: Mapping[Path, str] = field(default_factory=dict)
    """What could not be looked into, each with the cause."""


@dataclass(frozen=True)
class Made:
    """What became of a backup on one target."""

    target: str
    snapshot: Snapshot | None = None
    """The backup that holds the workspace as it is; None: there is none."""
    unchanged: bool = False
    """Whether that is an earlier one: nothing had changed since."""
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    """What it lacks, each with the cause."""
    problem: Problem | None = None
    """Why none was made."""
    shrunk: str = ""
    """What there is to be said when it holds next to nothing of what earlier ones held."""


@dataclass(frozen=True)
class Maker:
    """Makes backups of one workspace."""

    host: str
    """The workspace's name: what its backups are found by."""
    contents: Contents
    tag: str = TAG
    marks: tuple[str, ...] = ()
    """Further tags."""
    force: bool = False
    """Make a snapshot even when nothing has changed, and read every file again."""
    always: bool = False
    """Make a snapshot even when nothing has changed."""
    ours: Sequence[Snapshot] | None = None
    """The workspace's snapshots on the target; None: they are asked for."""
    listener: Listener = field(default=lambda _: None, repr=False)
    limits: Limits = field(default_factory=Limits)

    def make(self, restic: Restic) -> Made:
        """Make one on this target; whatever goes wrong is in the result."""
        began, moment = time.monotonic(), time.time_ns()
        name = restic.target.name
        doing = f"back up to {name}"
        try:
            parent = self._find_parent(restic)
            name_of = parent.id if parent else ""
            finished = locks.past_dead(restic, doing, lambda: self._back_up(restic, name_of))
        except ResticError as error:
            return Made(name, seconds=time.monotonic() - began, problem=error.problem)
        seconds = time.monotonic() - began
        if finished.code not in (Code.OK, Code.INCOMPLETE):
            problem = explain(doing, restic.target, finished)
            return Made(name, seconds=seconds, problem=problem)
        try:
            made = find_made(finished)
            snapshot = self._find_listed(restic, made) if made else parent
        except ResticError as error:
            return Made(name, seconds=seconds, problem=error.problem)
        lacking = find_missing(finished.errors, self.contents.unreadable, moment)
        torn = [str(item) for item in self.contents.doubtful if not item.is_whole()]
        missing = (*self.contents.missing, *torn, *lacking, *lost_packs(finished.errors))
        if snapshot is None:
            problem = Problem(
                f"cannot {doing}: the new backup is not listed there",
                "devcopilot backup verify tells how the repository is",
            )
            return Made(name, seconds=seconds, missing=missing, problem=problem)
        return Made(name, snapshot, not made, time.monotonic() - began, missing)

    def _find_parent(self, restic: Restic) -> Snapshot | None:
        """Return the snapshot with which the new one is compared. Raises ResticError.

        It is named to restic, which would read all snapshots for it and fail at one that is
        damaged. One for safety reads only what changed since the last of either kind. An ordinary
        one is compared with its own kind alone: one for safety is forgotten earlier.
        """
        ours = self.ours
        if ours is None:
            listing = comparison.look(restic, self.host, self.limits)
            ours = listing.snapshots if listing else ()
        kinds = (TAG,) if self.tag == TAG else (TAG, SAFETY)
        now = restic.facts.clock.now()
        return comparison.choose_parent(ours, self.marks, kinds, now)

    def _back_up(self, restic: Restic, parent: str) -> Finished:
        """Run `restic backup`; where there is no repository yet, make one.

        Where packs of git vanished before they were read, what replaced them was not listed: it
        runs again, soon enough to find them, since it reads only what is new.
        """
        began = time.monotonic()
        finished = self._run(restic, self.limits, parent)
        if finished.code == Code.NO_REPOSITORY:
            try:
                making.make_repository(restic)
            except ResticError as error:
                return error.finished
            finished = self._run(restic, self.limits, parent)
        for _ in range(TRIES - 1):
            left = self.limits.total - (time.monotonic() - began)
            if finished.code != Code.INCOMPLETE or not lost_packs(finished.errors) or left <= 0:
                break
            parent = find_made(finished) or parent
            again = self._run(restic, replace(self.limits, total=left), parent)
            if again.code not in (Code.OK, Code.INCOMPLETE):
                break
            if find_made(again):
                self._forget(restic, finished)
            finished = again
        return finished

    def _run(self, restic: Restic, limits: Limits, parent: str) -> Finished:
        return restic.run(*self._words(parent), limits=limits, listener=self.listener)

    def _forget(self, restic: Restic, finished: Finished) -> None:
        """Remove a backup that one a moment later replaces; where that is refused, it stays."""
        made = find_made(finished)
        if made:
            restic.run("forget", "--quiet", made)

    def _words(self, parent: str) -> Iterator[str]:
        yield from ("backup", "--json", "--host", self.host)
        yield from ("--tag", ",".join((self.tag, *self.marks)))
        yield from ("--exclude-caches", "--retry-lock", LOCK_WAIT)
        if self.force or not parent:
            yield "--force"
        else:
            yield from ("--parent", parent)
            if self.tag == TAG and not self.always:
                yield "--skip-if-unchanged"
        for pattern in self.contents.excludes:
            yield from ("--exclude", pattern)
        yield "--"
        yield from map(str, self.contents.paths)

    def _find_listed(self, restic: Restic, made: str) -> Snapshot | None:
        """Return the new snapshot as the target lists it. Raises ResticError."""
        return next((item for item in restic.snapshots(made) if item.id == made), None)


def find_made(finished: Finished) -> str | None:
    """Return the id of the snapshot that a run of restic made; None: nothing had changed."""
    made = (finished.find("summary") or {}).get("snapshot_id")
    return str(made) if made else None
