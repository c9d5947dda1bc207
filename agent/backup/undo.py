"""The way back from the last restore in place: a record in the state folder.

It is written before anything changes. One that is not finished goes on with the same way back:
however often it is begun again, `undo` leads to where the first began.
"""

import errno
import os
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.records.documents import STATE, Document, fill
from agent.machine.system import Facts
from agent.machine.values import frozen

RESTORE, UNDO = "restore", "undo"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
KEEP = "`devcopilot backup undo --keep` accepts the current state"


@frozen
class Undo:
    """A restore in place, and what was there before."""

    safety: str
    """Id of the backup that was made just before: what `undo` brings back."""
    target: str
    """Name of the target that holds it."""
    paths: tuple[str, ...]
    """What it changed."""
    source: str
    """Id of the backup, or path of the archive, that was restored."""
    time: str
    """When it was begun: RFC 3339, in UTC."""
    finished: bool = False
    kind: str = RESTORE
    """RESTORE, or UNDO: it is the undoing of another."""
    wanted: tuple[str, ...] = ()
    """The paths that were asked for; `paths` may be folders above them that were missing."""
    also: tuple[str, ...] = ()
    """Ids of the backups that were made when it was begun again."""

    @property
    def goal(self) -> str:
        """Return the id of the backup that `undo` restores now."""
        goes_on = self.kind == UNDO and not self.finished
        return self.source if goes_on else self.safety

    @property
    def command(self) -> str:
        """Return the command that finishes it."""
        if self.kind == UNDO:
            return "devcopilot backup undo"
        words = ["devcopilot", "backup", "restore", shorten(self.source)]
        if self.wanted and "/" not in self.source:
            top = os.path.commonpath(self.wanted)  # of a home, all in it that was backed up
            words += ["--path", top] if top != "/" else []
        return shlex.join(words)

    def describe(self) -> Problem:
        """Return in which state an unfinished one has left the workspace, and the ways out."""
        what = f"the {self.kind} of" if self.kind == RESTORE else "the undo to"
        return Problem(
            f"{what} {shorten(self.source)}, begun at {self.time}, is not finished",
            f"`{self.command}` finishes it; {self.describe_way_back()}{KEEP}",
        )

    def describe_way_back(self) -> str:
        """Return what else than finishing it there is to do; empty: finishing comes first."""
        if self.kind == UNDO:
            return ""
        return f"`devcopilot backup undo` restores the previous state, {self.safety[:8]}; "


def shorten(source: str) -> str:
    """Return a backup's id as people use it; an archive's path as it is."""
    return source if "/" in source else source[:8]


FILE = Document[Undo | None](
    STATE, "backup/undo.json", "what `devcopilot backup undo` restores",
    lambda row: fill(Undo, row) if row else None, lambda: None, strict=True, durable=True,
    hint="`devcopilot backup list` shows the safety backup; restore that",
)  # fmt: skip


def find_unfinished(facts: Facts) -> Undo | None:
    """Return the last restore in place if it was stopped on its way; None: no, or nobody knows."""
    try:
        found = FILE.read(facts)
    except AgentError:
        return None
    return found if found and not found.finished else None


def find_needed(facts: Facts) -> frozenset[str]:
    """Return the ids of the backups that must stay: what `undo` needs, and finishing it."""
    try:
        found = FILE.read(facts)
    except AgentError:
        return frozenset()
    if found is None:
        return frozenset()
    return frozenset({found.safety} if found.finished else
                     {found.safety, found.source, *found.also})  # fmt: skip


def check_goes_on(facts: Facts, paths: Iterable[Path]) -> None:
    """Raise AgentError when a restore of these paths would leave an unfinished one half done."""
    before = find_unfinished(facts)
    new = list(paths)
    if before is None:
        return
    left = [path for path in map(Path, before.wanted or before.paths)
            if not any(path.is_relative_to(each) for each in new)]  # fmt: skip
    if left:
        found = before.describe()
        raise AgentError(Problem(f"cannot restore anything else: {found.message}", found.hint))


def begin(facts: Facts, note: Undo) -> Undo:
    """Write the way back down, and return it as it is now. Raises AgentError.

    What goes on with one that is not finished leads back to where that one began, unless it goes
    there itself.
    """
    before = find_unfinished(facts)
    if before:
        note = replace(note, also=before.also, paths=join(before.paths, note.paths))
        if note.source != before.safety:
            note = replace(
                note, safety=before.safety, target=before.target, also=(*note.also, note.safety)
            )
    write(facts, note)
    return note


def join(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of both, without those below another."""
    found = dict.fromkeys((*one, *other))
    return tuple(path for path in found if not {*map(str, Path(path).parents)} & found.keys())


def write(facts: Facts, undo: Undo) -> None:
    """Keep the record. Raises AgentError."""
    try:
        FILE.write(facts, undo)
    except OSError as error:
        hint = "make room there" if error.errno in NO_ROOM else ""
        words = f"cannot write {FILE.path(facts)}: {error.strerror}"
        raise AgentError(Problem(words, hint)) from error
