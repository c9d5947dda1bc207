"""Archives of the original image's backup.sh: told from snapshots, and merged into a workspace."""

from dataclasses import replace
from pathlib import Path

from agent.backup import undo
from agent.backup.restic.client import Snapshot
from agent.backup.restore import archive, merging
from agent.backup.restore.in_place import make_suffix
from agent.backup.restore.restoration import Result
from agent.backup.target import Target
from agent.machine import folders
from agent.machine.clock import format_time
from agent.machine.errors import AgentError, Problem
from agent.settings.context import Context

ENDINGS = (".tar.gz", ".tgz")


def is_archive(source: str) -> bool:
    """Tell whether an archive is meant, and no snapshot."""
    return source.endswith(ENDINGS) or "/" in source


def merge(
    current: Context, source: Path, workspace: Path, safety: tuple[Snapshot, Target] | None
) -> Result:
    """Move what is in the archive into the workspace; `safety`: the backup made before, and where.

    Without one, or where files are left out of backups, the replaced files are kept in the
    workspace.
    """
    began = current.facts.clock.now()
    note = None
    if safety:
        note = note_way_back(current, source, workspace, safety, format_time(began))
    keeps = note is None or bool(current.settings.backup.exclude)
    with folders.stage(workspace, "restore", current.facts.state) as staging:
        held = archive.unpack(source, staging / "tree")
        replaced = workspace / make_suffix(began, "replaced") if keeps else staging / "replaced"
        tree = staging / "tree" / held.top
        try:
            done = merging.merge(tree, workspace, replaced, make_suffix(began))
        except OSError as error:
            hint = "" if note else f"replaced files are in {replaced}"
            problem = Problem(f"cannot write {error.filename}: {error.strerror}", hint)
            raise AgentError(problem) from error
    if note:
        undo.write(current.facts, replace(note, finished=True))
    kept = (*done.kept, replaced) if keeps and done.replaced else tuple(done.kept)
    return Result(
        held.files, held.size, kept=kept, way_back=note.safety if note else "",
        skipped=tuple(held.skipped),
    )  # fmt: skip


def note_way_back(
    current: Context, source: Path, workspace: Path, safety: tuple[Snapshot, Target], time: str
) -> undo.Undo:
    """Write the record for `undo`: the safety backup, and where it is."""
    snapshot, target = safety
    paths = (str(workspace),)
    note = undo.Undo(snapshot.id, target.name, paths, str(source), time, wanted=paths)
    return undo.begin(current.facts, note)
