"""Restores an archive of the original image's backup.sh."""

import argparse
import os
from pathlib import Path

from agent.backup import undo
from agent.backup.open_targets import open_restic
from agent.backup.restore import archive_extraction, old_archive
from agent.backup.restore.result import Result
from agent.backup.restore.selection import Chosen
from agent.backup.target import Target, find_targets
from agent.backup.targets.all import TARGETS
from agent.commands.backup import outcome, restoring, shared
from agent.commands.backup.outcome import Subject
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_size
from agent.machine.storage import folders
from agent.settings.context import Context


def restore(
    current: Context,
    arguments: argparse.Namespace,
    place: Path | None,
    consent: restoring.Consent,
    printer: Printer,
) -> int:
    """Restore it to a new place, or into the workspace; what it lacks stays there."""
    source = Path(os.path.abspath(arguments.source))  # noqa: PTH100
    if arguments.path is not None:
        hint = "use --to DIR to unpack all of it elsewhere"
        raise UsageError("cannot use --path with an archive", hint)
    if place:
        return restore_to(current, source, place, printer)
    workspace = current.settings.workspace.folder
    before = undo.find_unfinished(current.facts)
    if before and before.source != str(source):
        undo.check_goes_on(current.facts, ())
    held = archive_extraction.unpack(source, None, workspace)
    words = f"{held.files:,} files, {format_size(held.size)}: it is whole"
    lines = [
        f"{source}: {words}",
        f"into {workspace}; files that are not in the archive stay",
        *(f"left out: {text}" for text in held.skipped),
    ]
    subject = find_subject(source, workspace)
    if arguments.dry_run:
        would_be = Result(held.files, held.size, skipped=tuple(held.skipped))
        printer.show({**outcome.describe(subject, would_be), "done": False}, lines)
        return Exit.OK
    restoring.confirm(lines, consent, printer)
    with restoring.tell_of_interruption(current.facts, printer):
        safety = make_safety(current, arguments.target, source, printer)
        result = old_archive.merge(current, source, workspace, safety)
    return outcome.finish(subject, result, printer)


def find_subject(source: Path, place: Path) -> Subject:
    """Return what is restored, and to where."""
    return Subject(str(source), str(source), "", (str(place),))


def restore_to(current: Context, source: Path, place: Path, printer: Printer) -> int:
    """Unpack it to a new place: all of it, or nothing."""
    with (
        printer.watch(source.name) as bar,
        folders.stage(place.parent, place.name, current.facts.state) as staging,
    ):
        bar.spin("unpacking")
        held = archive_extraction.unpack(source, staging / "tree")
        try:
            folders.move(staging / "tree" / held.top, place)
        except OSError as error:
            raise AgentError(Problem(f"cannot make {place}: {error.strerror}")) from error
    result = Result(held.files, held.size, skipped=tuple(held.skipped))
    return outcome.finish(find_subject(source, place), result, printer)


def make_safety(
    current: Context, only: str | None, source: Path, printer: Printer
) -> tuple[Chosen, Target] | None:
    """Make the backup that the restore is taken back with; None where no target is configured."""
    if not find_targets(TARGETS, current.settings, current.facts):
        return None
    target = shared.find_ready(current, printer, only)[0]
    snapshot = restoring.make_safety(current, target, str(source), printer)
    return Chosen(open_restic(target, current, printer.note), snapshot), target
