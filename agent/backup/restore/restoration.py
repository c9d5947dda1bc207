"""Restoring from a snapshot: to a new place, complete or not at all, or in place, with a way back.

In place, the order is: a safety backup, the record for `undo`, then the changes. Whatever stops it
in between, the safety backup holds what was there.
"""

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import NoReturn

from agent.backup import reading, undo
from agent.backup.reasons import explain
from agent.backup.restic.client import Code, Snapshot
from agent.backup.restore.consistent_copies import Placed
from agent.backup.restore.in_place import Clearing, Scope, find_scope, make_suffix
from agent.backup.restore.result import Result, add
from agent.backup.restore.selection import Chosen, check_held, holds, list_entries, list_names
from agent.backup.restore.unsaved_changes import find_lateness
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.formats.globs import escape
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import Limits, Listener, Message, find_words
from agent.machine.storage import folders
from agent.machine.system import Facts
from agent.machine.values import frozen

LIMITS = Limits(stall=900.0)
"""restic tells of no progress while it sets the modes and times of very many files."""
PutInPlace = Callable[[Path, Path], Placed]
"""Takes a folder of databases' copies and the folder to put them in, by the same relative paths."""


@frozen
class Restorer:
    """Restores from one snapshot."""

    chosen: Chosen
    facts: Facts
    copies: Path
    """Where the snapshot has the consistent copies of databases, below their absolute paths."""
    put_in_place: PutInPlace = field(repr=False)
    listener: Listener = field(default=lambda _: None, repr=False)

    # --- to a new place ---

    def restore_to(self, wanted: Path | None, place: Path) -> Result:
        """Restore to a place that is not there yet, or an empty folder: all of it, or nothing.

        None: everything, below its absolute paths. If files could not be restored, the others are
        at a place whose name ends with `.incomplete`. Raises AgentError; then nothing is anywhere.

        It is one run of restic, whose every start takes most of a second: scrypt makes the key.
        """
        check_place(place)
        self._check_own(place)
        with folders.stage(place.parent, place.name, self.facts.state) as staging:
            tree = staging / "tree"
            tree.mkdir()
            result = self._run(tree, "/", *self._find_patterns(wanted))
            source = tree / wanted.relative_to("/") if wanted else tree
            open_way(tree, source)
            self._take_copies(tree, source)
            if not os.path.lexists(source):
                self._explain_missing(wanted, result)
            if result.failures:
                place = place.with_name(f"{place.name}.incomplete")
                check_place(place)
            try:
                folders.move(source, place)
            except OSError as error:
                raise AgentError(Problem(f"cannot make {place}: {error.strerror}")) from error
        return replace(result, place=place)

    def _check_own(self, place: Path) -> None:
        """Raise AgentError (exit 2) for a place among the agent's own files, or the backups."""
        own = (self.facts.state, self.facts.runtime, self.chosen.restic.target.folder)
        real = Path(os.path.realpath(place))
        holder = next((path for path in filter(None, own)
                       if real.is_relative_to(os.path.realpath(path))), None)  # fmt: skip
        if holder:
            cause = f"{holder} is for the agent's own files"
            raise UsageError(f"cannot restore to {place}: {cause}", "choose another folder")

    def _find_patterns(self, wanted: Path | None) -> Iterable[str]:
        """Return restic's patterns for a path and the copies of its databases; none: everything."""
        if wanted is None:
            return ()
        if wanted == wanted.parent:
            hint = "to get everything: devcopilot backup restore --to DIR"
            raise AgentError(Problem("cannot restore only /", hint))
        root = Path("/")
        copies = self.copies / wanted.relative_to(root)
        return (find_pattern(wanted, root), find_pattern(copies, root))

    def _take_copies(self, tree: Path, source: Path) -> None:
        """Put the copies among the restored files, and take them away from where they lay."""
        lain = tree / self.copies.relative_to("/")
        if not lain.is_dir():
            return
        self._place(lain, tree)
        folders.remove_tree(lain)
        for parent in lain.parents:
            if source.is_relative_to(parent) or any(parent.iterdir()):
                break
            parent.rmdir()

    def _explain_missing(self, wanted: Path | None, result: Result) -> NoReturn:
        """Raise AgentError with why nothing of what was wanted has come."""
        if not result.failures and wanted:
            check_held(self.chosen, wanted)
        refuse(result.failures or (f"{wanted}: it is a copy of the agent's own",))

    # --- in place ---

    def find_scopes(self, wanted: Path | None, places: Sequence[Path]) -> tuple[Scope, ...]:
        """Return what is restored in place: a path, or None for everything.

        Of a folder that was not backed up as a whole it is what was backed up in it. `places`: the
        workspace and the home. Raises AgentError (exit 2) for what is elsewhere.
        """
        roots = self.find_roots()
        paths = roots
        if wanted:
            inner = [root for root in roots if root.is_relative_to(wanted)]
            paths = inner or [wanted]
        for path in paths:
            self.check_path(path, places)
        return tuple(find_scope(path, roots) for path in paths)

    def find_roots(self) -> list[Path]:
        """Return what was backed up, without the copies of databases."""
        return [path for path in map(Path, self.chosen.snapshot.paths) if path != self.copies]

    def check_path(self, path: Path, places: Sequence[Path]) -> None:
        """Raise AgentError (exit 2) when this may not be changed in place."""
        if path.is_relative_to(self.facts.state):
            cause = "it is the agent's own"
        elif not any(path.is_relative_to(place) for place in places):
            cause = f"it is neither in {' nor in '.join(map(str, places))}"
        else:
            return
        name, place = self.chosen.snapshot.short, shlex.quote(str(path))
        command = f"devcopilot backup restore {name} --path {place} --to DIR"
        raise UsageError(
            f"cannot restore {path} in place: {cause}", f"restore it to a new place: {command}"
        )

    def restore_in_place(
        self,
        scopes: Sequence[Scope],
        make_safety: Callable[[], Snapshot],
        kind: str = undo.RESTORE,
    ) -> Result:
        """Make these as they are in the snapshot, after a safety backup on the same target.

        Files that cannot be restored are in the result. Raises AgentError.
        """
        undo.check_goes_on(self.facts, (scope.path for scope in scopes))
        safety = make_safety()
        began = self.facts.clock.now()
        note = undo.begin(self.facts, undo.Undo(
            safety.id, self.chosen.restic.target.name, tuple(str(scope.top) for scope in scopes),
            self.chosen.snapshot.id, format_time(began), kind=kind,
            wanted=tuple(str(scope.path) for scope in scopes),
        ))  # fmt: skip
        result = self._make_way(scopes, safety, make_suffix(began))
        result = add(result, self._write(scopes))
        self._restore_databases(scopes)
        if not result.failures:
            undo.write(self.facts, replace(note, finished=True))
        unfinished = note.describe() if result.failures else None
        return replace(result, way_back=note.safety, unfinished=unfinished)

    def _make_way(self, scopes: Sequence[Scope], safety: Snapshot, suffix: str) -> Result:
        """Delete what the snapshot lacks and the safety backup holds."""
        changes = self._find_changes(safety)
        held = replace(self.chosen, snapshot=safety)
        lateness = find_lateness(held)
        late = {scope: frozenset(lateness.find(scope.path)) for scope in scopes}
        wanted = {scope: frozenset[str]() for scope in scopes}
        if any(late.values()):
            wanted = {scope: list_names(self.chosen, scope.path) for scope in scopes}
            late = {scope: frozenset(lateness.find(scope.path)) for scope in scopes}  # meanwhile
        result = Result()
        for scope in scopes:
            clearing = Clearing(
                scope, lambda path: list_entries(held, path, "--recursive"), suffix, lateness
            )
            cleared = clearing.clear(changes, late[scope], wanted[scope])
            result = replace(
                result, deleted=result.deleted + cleared.deleted,
                kept=(*result.kept, *cleared.kept), failures=(*result.failures, *cleared.failed),
            )  # fmt: skip
        return result

    def _write(self, scopes: Sequence[Scope]) -> Result:
        """Restore what the snapshot holds of these: one run of restic for each anchor."""
        patterns: dict[Path, list[str]] = {}
        for scope in scopes:
            if scope.path in self.find_roots() or holds(self.chosen, scope.path):
                check_way(scope)
                patterns.setdefault(scope.anchor, []).append(scope.pattern)
        result = Result()
        for anchor, wanted in patterns.items():
            result = add(result, self._run(anchor, str(anchor), *wanted, top=anchor))
        return result

    def _find_changes(self, safety: Snapshot) -> list[Message]:
        """Return what differs in the snapshot from the safety backup, as `restic diff` lists it."""
        changes: list[Message] = []

        def take(message: Message) -> None:
            copies = folders.to_json_name(str(self.copies))
            if message.get("message_type") == "change" and not message["path"].startswith(copies):
                changes.append(message)

        doing = f"compare the workspace with the backup {self.chosen.snapshot.short}"
        words = ("diff", "--json", safety.id, self.chosen.snapshot.id)
        reading.check(self.chosen.restic, doing, *words, limits=Limits(), listener=take)
        return changes

    def _restore_databases(self, scopes: Sequence[Scope]) -> None:
        if self.copies not in map(Path, self.chosen.snapshot.paths):
            return
        with folders.stage(self.facts.state / "backup", "databases", self.facts.state) as staging:
            patterns = (find_pattern(scope.path, Path("/")) for scope in scopes)
            found = staging / "copies"
            result = self._run(found, str(self.copies), *patterns)
            if result.failures:
                refuse(result.failures)
            self._place(found, Path("/"))

    def _place(self, staging: Path, root: Path) -> None:
        """Put copies in place. Raises AgentError for those that cannot be."""
        failures = self.put_in_place(staging, root).failures
        if failures:
            raise AgentError(*(Problem(f"cannot restore the database {item.path}: {item.cause}")
                               for item in failures))  # fmt: skip

    # --- restic ---

    def _run(
        self, target: Path, source: str, *patterns: str, top: Path = Path("/")
    ) -> Result:  # fmt: skip
        """Restore the contents of the snapshot's folder `source` to `target`; raises AgentError.

        Only files that could not be restored do not raise: they are in the result, named below
        `top`.
        """
        restic, snapshot = self.chosen.restic, self.chosen.snapshot
        includes = [word for pattern in patterns for word in ("--include", pattern)]
        finished = reading.run(
            restic, "restore", f"{snapshot.id}:{source}", "--target", str(target), *includes,
            "--sparse", "--json", limits=LIMITS, listener=self.listener,
        )  # fmt: skip
        failures = tuple(find_words(name_below(top, error)) for error in finished.errors)
        if finished.code != Code.OK and not failures:
            doing = f"restore the backup {snapshot.short} from {restic.target.name}"
            raise AgentError(explain(doing, restic.target, finished))
        summary = finished.find("summary") or {}
        # Among the restored ones it counts the folders above what is wanted, too.
        files = min(summary.get("files_restored", 0), summary.get("total_files", 0))
        return Result(files, summary.get("bytes_restored", 0), failures=failures)


def find_pattern(path: Path, above: Path | None = None) -> str:
    """Return restic's pattern for a path, seen from a folder above; by default the nearest."""
    return f"/{escape(path.relative_to(above or path.parent))}"


def name_below(top: Path, error: Message) -> Message:
    """Return an error of restic's with the whole path of its file: it tells that below a target."""
    item = str(error.get("item") or "")
    return {**error, "item": str(top / item.lstrip("/"))} if item else error


def refuse(causes: Iterable[str]) -> NoReturn:
    """Raise AgentError with what could not be restored, and why."""
    raise AgentError(*(Problem(f"cannot restore {cause}") for cause in causes))


def open_way(tree: Path, source: Path) -> None:
    """Let us move `source` out of a tree of ours, whose folders have the modes of the snapshot."""
    for folder in reversed(source.relative_to(tree).parents):
        if (tree / folder).is_dir():
            (tree / folder).chmod(folders.OURS)


def check_way(scope: Scope) -> None:
    """Raise AgentError when a link is on the way to what is restored: restic would follow it."""
    if scope.top != scope.path and scope.top.is_symlink():
        problem = Problem(f"cannot restore {scope.path}: {scope.top} is a link", "move it away")
        raise AgentError(problem)


def check_place(place: Path) -> None:
    """Raise AgentError (exit 2) when there is something at this place already."""
    hint = "use a new one, or an empty folder"
    try:
        if place.is_symlink():
            cause = "it is a link"
        elif not place.exists():
            return
        elif not place.is_dir():
            cause = "it already exists"
        elif any(place.iterdir()):
            cause = "it is not empty"
        elif os.path.ismount(place):
            cause, hint = "a mount point cannot be replaced at once", f"use a folder in {place}"
        else:
            return
    except OSError as error:
        cause, hint = error.strerror or str(error), ""
    raise UsageError(f"cannot restore to {place}: {cause}", hint)
