"""Restores an archive of the original image's backup.sh."""

import argparse
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from agent.backup import folders, record
from agent.backup.restore import archive, merging, undo
from agent.backup.restore.restoration import Result
from agent.backup.target import find_targets
from agent.backup.targets.all import TARGETS
from agent.commands.backup import outcome, restoring, work
from agent.commands.backup.outcome import Subject
from agent.machine.errors import AgentError, Problem
from agent.machine.escaping import make_lines
from agent.machine.exits import Exit
from agent.settings.context import Context

ENDINGS = (".tar.gz", ".tgz")


def is_archive(source: str) -> bool:
    """Tell whether an archive is meant, and no snapshot."""
    return source.endswith(ENDINGS) or "/" in source


def restore(current: Context, arguments: argparse.Namespace, place: Path | None) -> int:
    """Restore it to a new place, or into the workspace; what it lacks stays there."""
    source = Path(os.path.abspath(arguments.source))  # noqa: PTH100
    if arguments.path is not None:
        hint = "--to DIR unpacks all of it elsewhere"
        problem = Problem("cannot use --path with an archive", hint)
        raise AgentError(problem, exit_code=Exit.USAGE)
    if place:
        return restore_to(current, source, place, arguments)
    workspace = current.settings.workspace.folder
    before = undo.find_unfinished(current.facts)
    if before and before.source != str(source):
        undo.check_goes_on(current.facts, ())
    held = archive.unpack(source, None, workspace)
    words = f"{held.files:,} files, {work.format_size(held.size)}: it is whole"
    lines = [
        f"{source}: {words}",
        f"into {workspace}; what the archive lacks stays",
        *(f"left out: {text}" for text in held.skipped),
    ]
    subject = find_subject(source, workspace)
    if arguments.dry_run:
        would_be = Result(held.files, held.size, skipped=tuple(held.skipped))
        if arguments.json:
            outcome.print_json({**outcome.describe(subject, would_be), "done": False})
        else:
            sys.stdout.write(make_lines(*lines))
        return Exit.OK
    restoring.confirm(lines, is_sure=arguments.yes)
    with restoring.tell_of_interruption(current.facts):
        result = merge(current, source, workspace, arguments.target)
    return outcome.finish(subject, result, as_json=arguments.json)


def find_subject(source: Path, place: Path) -> Subject:
    """Return what is restored, and to where."""
    return Subject(str(source), str(source), "", (str(place),))


def restore_to(current: Context, source: Path, place: Path, arguments: argparse.Namespace) -> int:
    """Unpack it to a new place: all of it, or nothing."""
    with folders.stage(place.parent, place.name, current.facts.state) as staging:
        held = archive.unpack(source, staging / "tree")
        try:
            folders.move(staging / "tree" / held.top, place)
        except OSError as error:
            raise AgentError(Problem(f"cannot make {place}: {error.strerror}")) from error
    result = Result(held.files, held.size, skipped=tuple(held.skipped))
    return outcome.finish(find_subject(source, place), result, as_json=arguments.json)


def merge(current: Context, source: Path, workspace: Path, only: str | None) -> Result:
    """Move what is in the archive into the workspace, after a safety backup if there is a target.

    Without one, or where files are left out of backups, the replaced files are kept in the
    workspace.
    """
    began = datetime.now(UTC)
    stamp = f"{began:%Y%m%d-%H%M%S}"
    note = make_way_back(current, source, workspace, only, record.format_time(began))
    keeps = note is None or bool(current.settings.backup.exclude)
    with folders.stage(workspace, "restore", current.facts.state) as staging:
        held = archive.unpack(source, staging / "tree")
        replaced = workspace / f".replaced-{stamp}" if keeps else staging / "replaced"
        tree = staging / "tree" / held.top
        try:
            done = merging.merge(tree, workspace, replaced, f".kept-{stamp}")
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


def make_way_back(
    current: Context, source: Path, workspace: Path, only: str | None, time: str
) -> undo.Undo | None:
    """Make the safety backup and the record for `undo`; None where no target is configured."""
    targets = find_targets(TARGETS, current.settings, current.facts)
    if not targets:
        return None
    target = work.find_ready(current, only)[0]
    safety = restoring.make_safety(current, target)
    paths = (str(workspace),)
    note = undo.Undo(safety.id, target.name, paths, str(source), time, wanted=paths)
    return undo.begin(current.facts, note)
