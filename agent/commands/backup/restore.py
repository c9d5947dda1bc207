"""Restore everything, a folder or one file: in place, or to a new place.

In place, a safety backup is made first: `devcopilot backup undo` undoes the restore. Files that no
backup holds, such as caches, stay.
"""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

from agent.backup.open_targets import open_restic
from agent.backup.restore import old_archive, way_back
from agent.backup.restore.restoration import check_place
from agent.backup.restore.selection import LATEST, Chosen, check_held, choose
from agent.backup.target import name_workspace
from agent.commands.backup import outcome, progress, restoring, shared, unpacking
from agent.commands.backup.outcome import Subject, format_preview
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import UsageError
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_age
from agent.settings import context
from agent.settings.context import Context

DOING = "a restore is running"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "source", nargs="?", default=LATEST, metavar="BACKUP",
        help="latest, the start of an id, a time such as 2026-11-24 or 2026-11-24T18:00, or a "
        "workspace-*.tar.gz of the original image",
    )  # fmt: skip
    parser.add_argument("--path", help="only this file or folder: absolute, or below the workspace")
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="restore to a new place, which appears when it is complete",
    )
    shared.add_target_option(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what would change in place")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Restore; exit 0 when all of it came back, else 1."""
    return restore(context.load(), arguments, printer)


def restore(current: Context, arguments: argparse.Namespace, printer: Printer) -> int:
    """Restore to where the arguments say."""
    place = Path(os.path.abspath(arguments.to)) if arguments.to else None  # noqa: PTH100
    if place and arguments.dry_run:
        raise UsageError("cannot use --dry-run with --to: nothing is changed in place")
    if place:
        check_place(place)
    with nullcontext() if place or arguments.dry_run else shared.hold(current, printer, DOING):
        if old_archive.is_archive(arguments.source):
            return unpacking.restore(current, arguments, place, find_consent(arguments), printer)
        chosen = find(current, arguments, printer)
        wanted = None
        if arguments.path is not None:
            wanted = Path(os.path.normpath(way_back.find_workspace(current) / arguments.path))
        if place:
            return restore_to(current, chosen, wanted, place, printer)
        if wanted:
            check_held(chosen, wanted)
        return restore_in_place(current, chosen, wanted, arguments, printer)


def find(current: Context, arguments: argparse.Namespace, printer: Printer) -> Chosen:
    """Return the snapshot that is meant, and tell what is odd."""
    targets = shared.find_ready(current, printer, arguments.target)
    places = [open_restic(target, current, printer.note) for target in targets]
    host = name_workspace(current.settings)
    chosen = choose(places, host, arguments.source, current.facts.clock.now())
    printer.fail(*chosen.warnings)
    return chosen


def restore_to(
    current: Context,
    chosen: Chosen,
    wanted: Path | None,
    place: Path,
    printer: Printer,
) -> int:
    """Restore to a new place."""
    with progress.show(printer, chosen.restic.target.name) as listener:
        result = way_back.make_restorer(current, chosen, listener).restore_to(wanted, place)
    subject = find_subject(chosen, str(result.place))
    return outcome.finish(subject, result, printer)


def restore_in_place(
    current: Context,
    chosen: Chosen,
    wanted: Path | None,
    arguments: argparse.Namespace,
    printer: Printer,
) -> int:
    """Restore where the files were."""
    target = chosen.restic.target
    with progress.show(printer, target.name) as listener:
        restorer = way_back.make_restorer(current, chosen, listener)
        scopes = restorer.find_scopes(wanted, way_back.find_places(current))
        subject = find_subject(chosen, *(str(scope.path) for scope in scopes))
        if arguments.dry_run:
            found = way_back.look(current, chosen, scopes, shared.TOOL_FILES)
            printer.show(outcome.describe(subject, preview=found), format_preview(found))
            return Exit.OK
        title = f"{subject.name} on {target.name}"
        consent = find_consent(arguments)
        result = restoring.ask_and_restore(current, restorer, scopes, title, consent, printer)
    return outcome.finish(subject, result, printer)


def find_consent(arguments: argparse.Namespace) -> restoring.Consent:
    """Return how a person agrees to what a restore changes in place."""
    hint = "--yes changes them, --dry-run only shows what would change"
    return restoring.Consent(arguments.yes, hint)


def find_subject(chosen: Chosen, *places: str) -> Subject:
    """Return what is restored; people know a backup by its short id and its age."""
    snapshot = chosen.snapshot
    name = f"{snapshot.short} ({format_age(snapshot.time)})"
    return Subject(snapshot.id, name, chosen.restic.target.name, places)
