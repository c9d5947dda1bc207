"""One backup on one target: restic makes a snapshot, and the target must then list it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Protocol

from agent.backup.create import comparison, new_repository
from agent.backup.create.databases import Failure
from agent.backup.create.missing_files import find_missing, lost_packs
from agent.backup.reasons import explain
from agent.backup.restic import locks
from agent.backup.restic.client import LOCK_WAIT, Code, Restic, ResticError, Snapshot
from agent.machine.errors import Problem
from agent.machine.light.clock import read_time
from agent.machine.programs.follow import Finished, Limits, Listener, Message
from agent.machine.values import frozen

TAG = "devcopilot"
"""What a backup is marked with."""
SAFETY = "safety"
"""What one is marked with that was made before a restore changed anything."""
SHRUNK = "shrunk"
"""What one is marked with in addition that holds next to nothing of what earlier ones held: see
`agent.backup.create.shrinking`."""

TRIES = 6
"""Runs of restic at most, while somebody moves files, or repacks a repository of git, all the
time."""


@frozen
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


class Source(Protocol):
    """Where the contents come from."""

    def look_again(self) -> tuple[Path, ...]:
        """Return what has been moved since the last look."""

    def make_ready(self) -> Contents:
        """Return what goes into a further run."""


@frozen
class BackupResult:
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
    """What to report when it holds next to nothing of what earlier ones held."""


@frozen
class Run:
    """A run of restic, and what is known of it."""

    finished: Finished
    contents: Contents
    moved: tuple[Path, ...] = ()
    """What was moved meanwhile, and may be in the backup at neither place."""

    @property
    def is_done(self) -> bool:
        """Whether there is a backup of now."""
        return self.finished.code in (Code.OK, Code.INCOMPLETE)

    @property
    def summary(self) -> Message:
        """What restic says at the end."""
        return self.finished.find("summary") or {}

    @property
    def made(self) -> str | None:
        """The id of the snapshot that it made; None: nothing had changed."""
        made = self.summary.get("snapshot_id")
        return str(made) if made else None

    @property
    def is_whole(self) -> bool:
        """Whether a further run would find no more. Also of one that failed."""
        return not self.is_done or not (self.moved or lost_packs(self.finished.errors))

    def find_missing(self, began: int) -> Iterator[str]:
        """Yield what the backup lacks, each with the cause.

        `began`: when restic was started, in nanoseconds since the epoch.
        """
        yield from self.contents.missing
        yield from (str(item) for item in self.contents.doubtful if not item.is_whole())
        yield from find_missing(self.finished.errors, self.contents.unreadable, began)
        yield from lost_packs(self.finished.errors)
        yield from (f"{path}: moved while the backup was made" for path in self.moved)


@frozen
class BackupMaker:
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
    reread: bool = False
    """Read every file again: sizes and times do not show all changes there."""
    ours: Sequence[Snapshot] | None = None
    """The workspace's snapshots on the target; None: they are asked for."""
    listener: Listener = field(default=lambda _: None, repr=False)
    limits: Limits = field(default_factory=Limits)
    source: Source | None = None
    """None: nobody moves anything meanwhile."""

    def make(self, restic: Restic) -> BackupResult:
        """Make one on this target; what restic or the target refuses is in the result.

        Raises OSError where restic cannot be started.
        """
        began, moment = time.monotonic(), time.time_ns()
        name = restic.target.name
        doing = f"back up to {name}"
        try:
            parent = self._find_parent(restic)
            run = self._back_up(restic, doing, parent.id if parent else "")
            if not run.is_done:
                problem = explain(doing, restic.target, run.finished)
                return BackupResult(name, seconds=time.monotonic() - began, problem=problem)
            snapshot = self._find_listed(restic, run, run.made) if run.made else parent
            is_needless = self._is_needless(snapshot, parent)
            if snapshot and is_needless:
                self._drop(restic, snapshot.id)
                snapshot = parent
        except ResticError as error:
            return BackupResult(name, seconds=time.monotonic() - began, problem=error.problem)
        seconds, missing = time.monotonic() - began, tuple(run.find_missing(moment))
        if snapshot is None:
            problem = Problem(
                f"cannot {doing}: the new backup is not listed there",
                "`devcopilot backup verify` checks the repository",
            )
            return BackupResult(name, seconds=seconds, missing=missing, problem=problem)
        is_unchanged = is_needless or not run.made
        return BackupResult(name, snapshot, is_unchanged, seconds, missing)

    def _is_needless(self, made: Snapshot | None, parent: Snapshot | None) -> bool:
        """Tell whether a backup holds just what the one before holds, and nobody asked for it.

        Where every file is read again, restic does not compare it with the one before.
        """
        if not (self.reread and made and parent) or self.force or self.always or self.tag != TAG:
            return False
        return made.id != parent.id and made.tree == parent.tree != ""

    def _drop(self, restic: Restic, made: str) -> None:
        """Remove a snapshot that nobody should restore; where that is refused, it stays."""
        restic.run("forget", "--quiet", made)

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

    def _back_up(self, restic: Restic, doing: str, parent: str) -> Run:
        """Run restic, and again where it may have missed something. Raises ResticError.

        Each further run is soon enough: it reads only what is new.
        """
        began = time.monotonic()
        locks.clear_known(restic)
        run = self._judge(locks.past_dead(restic, doing, lambda: self._begin(restic, parent)))
        for _ in range(TRIES - 1):
            left = self.limits.total - (time.monotonic() - began)
            if run.is_whole or left <= 0:
                break
            maker = replace(
                self, force=False, reread=False, always=True,
                limits=replace(self.limits, total=left),
                contents=self.source.make_ready() if self.source else self.contents,
            )  # fmt: skip
            again = maker._judge(maker._run(restic, run.made or parent))
            if not again.is_done:
                break
            if run.made:
                self._drop(restic, run.made)
            run = again
        return run

    def _begin(self, restic: Restic, parent: str) -> Finished:
        """Run restic for the first time; where there is no repository yet, make one.

        Raises ResticError where that is impossible.
        """
        finished = self._run(restic, parent)
        if finished.code != Code.NO_REPOSITORY:
            return finished
        new_repository.make_repository(restic)
        return self._run(restic, parent)

    def _judge(self, finished: Finished) -> Run:
        run = Run(finished, self.contents)
        return replace(run, moved=self.source.look_again()) if run.is_done and self.source else run

    def _run(self, restic: Restic, parent: str) -> Finished:
        return restic.run(*self._words(parent), limits=self.limits, listener=self.listener)

    def _words(self, parent: str) -> Iterator[str]:
        yield from ("backup", "--json", "--host", self.host)
        yield from ("--tag", ",".join((self.tag, *self.marks)))
        yield from ("--exclude-caches", "--retry-lock", LOCK_WAIT)
        if self.force or self.reread or not parent:
            yield "--force"
        else:
            yield from ("--parent", parent)
            if self.tag == TAG and not self.always:
                yield "--skip-if-unchanged"
        for pattern in self.contents.excludes:
            yield from ("--exclude", pattern)
        yield "--"
        yield from map(str, self.contents.paths)

    def _find_listed(self, restic: Restic, run: Run, made: str) -> Snapshot | None:
        """Return the new snapshot as the target lists it. Raises ResticError."""
        if not self.reread and restic.has_file_of(made):  # of its tree restic alone can tell
            return self._describe(run, made)
        return next((item for item in restic.snapshots(made) if item.id == made), None)

    def _describe(self, run: Run, made: str) -> Snapshot:
        """Return the new snapshot, but for its tree, from what the run has said at its end."""
        said = run.summary
        return Snapshot(
            made, read_time(said["backup_start"]), self.host, tuple(map(str, run.contents.paths)),
            (self.tag, *self.marks), said["total_files_processed"], said["total_bytes_processed"],
            said["data_added_packed"],
        )  # fmt: skip
