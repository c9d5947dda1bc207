"""Archives of the original image's backup.sh: told from snapshots, and merged into a workspace."""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from agent.backup import undo
from agent.backup.restic.client import Snapshot
from agent.backup.restore import archive_extraction, merging
from agent.backup.restore.in_place import make_suffix
from agent.backup.restore.result import Result
from agent.backup.restore.selection import Chosen
from agent.backup.restore.unsaved_changes import Kin, find_held
from agent.backup.target import Target
from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import format_time
from agent.machine.storage import folders
from agent.settings.context import Context

ENDINGS = (".tar.gz", ".tgz")


def is_archive(source: str) -> bool:
    """Tell whether an archive is meant, and no snapshot."""
    return source.endswith(ENDINGS) or "/" in source


def merge(
    current: Context, source: Path, workspace: Path, safety: tuple[Chosen, Target] | None
) -> Result:
    """Move what is in the archive into the workspace; `safety`: the backup made before, and where.

    Replaced files that this does not hold as they are now are kept in the workspace.
    """
    began = current.facts.clock.now()
    workspace = Path(os.path.realpath(workspace))  # as backups name it
    note = held = None
    if safety:
        chosen, target = safety
        held = find_held(chosen, workspace)
        note = note_way_back(current, source, workspace, chosen.snapshot, target, began)
    replaced = workspace / make_suffix(began, "replaced")
    with folders.stage(workspace, "restore", current.facts.state) as staging:
        found = archive_extraction.unpack(source, staging / "tree")

        def choose(kin: Kin) -> Path:
            return staging / "replaced" if held and held.has(kin) else replaced

        tree = staging / "tree" / found.top
        try:
            done = merging.merge(tree, workspace, choose, make_suffix(began))
        except OSError as error:
            hint = f"replaced files are in {replaced}" if replaced.is_dir() else ""
            problem = Problem(f"cannot write {error.filename}: {error.strerror}", hint)
            raise AgentError(problem) from error
    if note:
        undo.write(current.facts, replace(note, finished=True))
    kept = (*done.kept, replaced) if replaced.is_dir() else tuple(done.kept)
    return Result(
        found.files, found.size, kept=kept, way_back=note.safety if note else "",
        skipped=tuple(found.skipped),
    )  # fmt: skip


def note_way_back(
    current: Context, source: Path, workspace: Path, snapshot: Snapshot, target: Target,
    began: datetime,
) -> undo.Undo:  # fmt: skip
    """Write the record for `undo`: the safety backup, and where it is."""
    time, paths = format_time(began), (str(workspace),)
    note = undo.Undo(snapshot.id, target.name, paths, str(source), time, wanted=paths)
    return undo.begin(current.facts, note)
