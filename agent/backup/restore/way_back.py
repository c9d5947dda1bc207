"""A restore in place: where it goes, what it would change, and the backup made before it."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from agent.backup.create import preparation, session
from agent.backup.create.content import ToolFiles
from agent.backup.create.snapshot import SAFETY, BackupResult
from agent.backup.restore import consistent_copies, preview
from agent.backup.restore.in_place import Scope
from agent.backup.restore.preview import Preview
from agent.backup.restore.restoration import Restorer
from agent.backup.restore.selection import Chosen
from agent.backup.target import Target
from agent.machine.errors import AgentError, Problem
from agent.machine.programs.follow import Listener
from agent.settings.context import Context


def make_restorer(current: Context, chosen: Chosen, listener: Listener) -> Restorer:
    """Return what restores from this snapshot."""
    copies = preparation.find_staging(current.facts)
    return Restorer(chosen, current.facts, copies, consistent_copies.put_in_place, listener)


def find_places(current: Context) -> tuple[Path, Path]:
    """Return where files are restored in place."""
    return find_workspace(current), Path(os.path.realpath(current.facts.home))


def find_workspace(current: Context) -> Path:
    """Return the workspace as backups name it: without links on the way."""
    return Path(os.path.realpath(current.settings.workspace.folder))


def look(current: Context, chosen: Chosen, scopes: Sequence[Scope], tools: ToolFiles) -> Preview:
    """Return what a restore in place would change."""
    held = session.find_content(current.settings, current.facts, tools)
    return preview.look(chosen, scopes, held, [current.facts.state])


def make_safety(
    current: Context, target: Target, source: str, tools: ToolFiles, listener: Listener
) -> BackupResult:
    """Make the backup that a restore of `source` is taken back with. Raises AgentError.

    What is returned has a snapshot.
    """
    wishes = session.Wishes(tag=SAFETY, hooks=False)
    work_on = session.Session(
        current.settings, current.facts, [target], tools, wishes, lambda _: listener
    )
    (made,) = work_on.back_up().made
    if made.problem or made.snapshot is None:
        command = f"devcopilot backup restore {shlex.quote(source)} --to DIR"
        hint = f"use `{command}` to restore to a new place without one"
        raise AgentError(Problem(f"cannot make the safety backup: {made.problem}", hint))
    return made
