"""One round: the workspace is made ready once, then backed up to each target in turn."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from agent.backup import history, record, undo, workspace_id
from agent.backup.create import comparison, content, mapped_files, mounts, shrinking
from agent.backup.create.comparison import Comparison
from agent.backup.create.content import ToolFiles
from agent.backup.create.notices import explain_links, explain_needs, find_notices
from agent.backup.create.preparation import COPIES, Preparation, find_staging
from agent.backup.create.snapshot import SAFETY, SHRUNK, TAG, BackupMaker, BackupResult
from agent.backup.create.survey import Count
from agent.backup.record import Record
from agent.backup.restic.client import CACHE, Restic, ResticError
from agent.backup.target import Target, name_workspace
from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import format_time
from agent.machine.light.exits import Exit
from agent.machine.light.masking import mask_known
from agent.machine.programs import user_commands
from agent.machine.programs.follow import QUICK, Limits, Listener
from agent.machine.storage import folders
from agent.machine.storage.mountinfo import is_in_memory
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.everything import Settings

PATIENCE = 0.3
"""Seconds that restic gets then to take its lock away."""


def find_content(settings: Settings, facts: Facts, tools: ToolFiles) -> content.Content:
    """Return what these settings put into a backup. Raises AgentError (exit 2)."""
    backup, workspace = settings.backup, settings.workspace.folder
    own, copies = tuple(dict.fromkeys(_find_own(settings, facts))), facts.state / COPIES
    if same := content.find_same(workspace, own):
        raise AgentError(_explain_same(same, settings), exit_code=Exit.USAGE)
    return content.find_content(
        workspace, facts.home, words=backup.home or (), wishes=backup.exclude or (),
        own=own, copies=copies, tools=tools,
    )  # fmt: skip


def _find_own(settings: Settings, facts: Facts) -> Iterator[Path]:
    """Yield files and folders of the agent."""
    yield from (facts.home / CACHE, facts.runtime, facts.state, facts.defaults)
    if settings.backup.folder:
        yield settings.backup.folder / name_workspace(settings)
    for path in sorted(facts.state.glob("*")):
        if path.is_symlink() and path.name != COPIES:  # to where there is more room
            yield path


def _explain_same(path: Path, settings: Settings) -> Problem:
    """Return what to report where one of the agent's own is the workspace."""
    workspace, backups = settings.workspace.folder, settings.backup.folder
    if backups and path == backups / name_workspace(settings):
        cause = f"cannot back up to BACKUP_DIR={backups}: {path} is the workspace itself"
        return Problem(cause, "set BACKUP_DIR to another folder")
    cause = f"cannot back up {workspace}: the agent keeps its own files in it, as {path}"
    return Problem(cause, f"let {path} be a separate folder, or set WORKSPACE_DIR to another one")


@frozen
class Wishes:
    """How a round is to be."""

    tag: str = TAG
    force: bool = False
    hooks: bool = True
    asked: bool = False
    """A person asks for it: a new workspace goes on with what it has, whatever the target holds."""
    anew: bool = False
    """What was backed up there and is gone is given up."""
    accept_shrunk: bool = False
    """Take next to nothing for all that the workspace is to hold."""
    seconds: float | None = None
    """Time for all of it; None: as long as it takes."""


@frozen
class Outcome:
    """What became of a round."""

    made: tuple[BackupResult, ...]
    excludes: tuple[str, ...] = ()
    """The user's patterns of what to exclude."""
    caches: tuple[Path, ...] = ()
    """Folders that are left out since a CACHEDIR.TAG says that they are caches."""
    mirrors: tuple[Path, ...] = ()
    """The agent's own, seen through another mount, which are left out."""
    notices: tuple[str, ...] = ()
    """What a person should know of what was backed up."""


@frozen
class Session:
    """What a round works with."""

    settings: Settings
    facts: Facts
    targets: Sequence[Target]
    tools: ToolFiles
    wishes: Wishes
    listen: Callable[[Target], Listener] = field(repr=False)
    """Gives, for each target, who hears of restic's progress."""

    def back_up(self) -> Outcome:
        """Make a backup on every target, and keep what became of it in the record.

        The caller holds the lock. Raises OSError when the record cannot be written.
        """
        began = time.monotonic()
        if self.wishes.seconds is None:
            folders.remove_left(self.facts.state)
        before = self._run_hook("DEV8_BACKUP_PRE", self.settings.backup.before)
        planned = find_content(self.settings, self.facts, self.tools)
        mapped_files.freshen(planned, self.facts)
        folder, seconds = self.settings.workspace.folder, self.wishes.seconds
        lacks = (str(before),) if before else ()
        source = Preparation(planned, find_staging(self.facts), folder, seconds, lacks)
        source.make_ready()
        workspace = find_workspace(source.found.counts, folder)
        made = tuple(self._back_up_to(target, source, workspace, limits)
                     for target, limits in self._share_time(began))  # fmt: skip
        after = self._run_hook("DEV8_BACKUP_POST", self.settings.backup.after)
        if self.wishes.hooks and self.wishes.tag == TAG:
            trouble = "; ".join(str(hook) for hook in (before, after) if hook)
            for item in made:
                record.note(self.facts, item.target, hook=trouble)
        if after:
            made = tuple(replace(item, missing=(*item.missing, str(after))) for item in made)
        found = source.found
        emptied = find_holder(found.emptied, folder) is not None
        notices = [
            *find_notices(found.servers, self.settings.backup, emptied=emptied),
            *explain_links(found.links, self.facts.home),
            *explain_needs(found.needs, planned.holds),
        ]
        return Outcome(made, planned.wishes, tuple(sorted(found.caches)),
                       tuple(sorted(found.mirrors)), tuple(notices))  # fmt: skip

    def _run_hook(self, variable: str, argv: Sequence[str] | None) -> Problem | None:
        if not argv or not self.wishes.hooks:
            return None
        seconds = self.settings.backup.hook_timeout
        folder = self.settings.workspace.folder

        def hide(text: str) -> str:
            return mask_known(text, self.facts.runtime)

        return user_commands.run(variable, argv, self.facts.user_environ, folder, seconds, hide)

    def _share_time(self, began: float) -> Iterator[tuple[Target, Limits]]:
        """Yield each target when its turn has come, with its share of the time that is left."""
        for count, target in enumerate(self.targets):
            if self.wishes.seconds is None:
                yield target, Limits()
                continue
            left = max(0.0, began + self.wishes.seconds - time.monotonic())
            share = left / (len(self.targets) - count)
            yield target, Limits(total=share, patience=PATIENCE)

    def _back_up_to(
        self, target: Target, source: Preparation, workspace: Count, limits: Limits
    ) -> BackupResult:
        began = time.monotonic()
        tried = format_time(self.facts.clock.now())
        restic = Restic(target, self.facts, memory=self.settings.backup.memory)
        try:
            there = self._look(restic, limits)
        except ResticError as error:
            made = BackupResult(target.name, problem=error.problem)
            return self._note(made, workspace, tried)
        spent = time.monotonic() - began
        maker = BackupMaker(
            name_workspace(self.settings), source.contents, self.wishes.tag,
            (workspace_id.find_mark(self.facts),),
            force=self.wishes.force, ours=there.ours, listener=self.listen(target),
            reread=self.wishes.seconds is None and bool(is_in_memory(source.workspace)),
            source=source if self.wishes.seconds is None else None,  # nobody works at the stop
            limits=replace(limits, total=max(0.0, limits.total - spent)),
        )  # fmt: skip
        if self.wishes.tag != TAG:
            return maker.make(restic)
        if there.refusal:
            cause, hint = there.refusal.message, there.refusal.hint
            problem = Problem(f"cannot back up to {target.name}: {cause}", hint)
            return self._note(BackupResult(target.name, problem=problem), workspace, tried)
        unfinished = undo.find_unfinished(self.facts)
        if unfinished:
            made = hold_back(replace(maker, tag=SAFETY).make(restic), unfinished)
            record.note(self.facts, target.name, tried=tried, problem=str(made.problem))
            return made
        known = record.read(self.facts, target.name)
        made = self._make_marked(maker, restic, known, source, workspace)
        return self._note(self._miss_mounts(made, source, known), workspace, tried)

    def _make_marked(
        self,
        maker: BackupMaker,
        restic: Restic,
        known: Record,
        source: Preparation,
        workspace: Count,
    ) -> BackupResult:
        """Make a backup that is marked if it holds next to nothing of what earlier ones held."""
        may_ask = self.wishes.seconds is None
        past = shrinking.find_past(restic, known, maker.host, may_ask=may_ask)
        now = shrinking.add_up(source.found.counts.values()) if past.whole else workspace
        if past.usual and not self.wishes.accept_shrunk and shrinking.has_shrunk(past.usual, now):
            made = replace(maker, marks=(*maker.marks, SHRUNK)).make(restic)
            return replace(made, shrunk=shrinking.explain(past.usual, now))
        # Not skipped as unchanged after one that is marked: that would stay the newest.
        return replace(maker, always=past.is_shrunk).make(restic)

    def _miss_mounts(self, made: BackupResult, source: Preparation, known: Record) -> BackupResult:
        """Add to what a backup lacks the volumes that are not mounted any more; note what are."""
        now = mounts.find_mounts(source.planned)
        before = {*map(Path, known.mounts), *source.mounts}
        lost = tuple(mounts.find_lost(source.planned, before, now))
        workspace = Path(os.path.realpath(source.workspace))
        told = tuple(mounts.explain(point, workspace) for point in lost)
        record.note(self.facts, made.target, mounts=tuple(map(str, (*now, *lost))),
                    unmounted="".join(told[:1]))  # fmt: skip
        return replace(made, missing=(*made.missing, *told))

    def _note(self, made: BackupResult, workspace: Count, tried: str) -> BackupResult:
        """Keep what became of an ordinary backup in the record."""
        if self.wishes.tag == TAG:
            record.note(self.facts, made.target, **find_news(made, workspace, tried))
            history.note(self.facts, made.target, find_day(made, tried))
        return made

    def _look(self, restic: Restic, limits: Limits) -> Comparison:
        """Compare the target with the record, and keep in it what a person should know.

        What a person wishes is accepted. Raises ResticError.
        """
        name = restic.target.name
        quick = replace(QUICK, total=limits.total, patience=limits.patience)
        listing = comparison.look(restic, name_workspace(self.settings), quick)
        known, mark = record.read(self.facts, name), workspace_id.read_mark(self.facts)
        found = comparison.compare(listing, known, name, TAG, mark, self.facts.clock.now())
        if self.wishes.tag != TAG:
            return found
        if self.wishes.anew or (self.wishes.asked and found.is_new):
            comparison.accept(self.facts, name)
            known = record.read(self.facts, name)
            found = comparison.compare(listing, known, name, TAG, mark, self.facts.clock.now())
        damage = [comparison.explain_damage(restic.target, item) for item in found.damaged[:1]]
        record.note(
            self.facts, name, lost=known.lost or found.lost, rival=found.rival,
            finding=known.finding or "".join(damage),
        )  # fmt: skip
        return found


def hold_back(made: BackupResult, unfinished: undo.Undo) -> BackupResult:
    """Return what became of a backup of what an unfinished restore has left: it is one for safety.

    Nothing is forgotten meanwhile: there is a problem.
    """
    if made.problem or made.snapshot is None:
        return made
    found = unfinished.describe()
    cause = f"{found.message}; the current content is in the safety backup {made.snapshot.short}"
    problem = Problem(f"cannot back up to {made.target}: {cause}", found.hint)
    return replace(made, snapshot=None, problem=problem)


def find_holder(paths: Iterable[Path], folder: Path) -> Path | None:
    """Return which of these paths is the workspace, or holds it."""
    real = Path(os.path.realpath(folder))
    return next((path for path in paths if real.is_relative_to(path)), None)


def find_workspace(counts: Mapping[Path, Count], folder: Path) -> Count:
    """Return how much is in the workspace, or in what holds it."""
    holder = find_holder(counts, folder)
    return counts[holder] if holder else Count()


def find_day(made: BackupResult, tried: str) -> history.Day:
    """Return what a backup that was begun at this time adds to the history of its day."""
    day, snapshot = tried.partition("T")[0], made.snapshot
    if made.problem or snapshot is None:
        return history.Day(day, failed=1)
    added = 0 if made.unchanged else snapshot.added
    return history.Day(day, 1, 0, snapshot.size, added, round(made.seconds, 1))


def find_news(made: BackupResult, workspace: Count, tried: str) -> dict[str, object]:
    """Return what a record is to hold of a backup that was begun at this time."""
    snapshot = made.snapshot
    if made.problem or snapshot is None:
        return {"tried": tried, "problem": str(made.problem)}
    known = {
        "tried": tried,
        "seen": tried,
        "problem": "",
        "snapshot": snapshot.id,
        "made": format_time(snapshot.time),
        "files": snapshot.files,
        "size": snapshot.size,
        "seconds": round(made.seconds, 1),
        "missing": made.missing,
        "shrunk": made.shrunk,
    }
    if not made.shrunk:
        known |= {"usual_files": workspace.files, "usual_size": workspace.size}
    return known if made.unchanged else {**known, "added": snapshot.added}
