"""Undo the last restore in place. A second undo brings it back.

An undo that was interrupted is finished first.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from agent.backup import undo
from agent.backup.open_targets import open_restic
from agent.backup.restore import way_back
from agent.backup.restore.in_place import find_scope
from agent.backup.restore.result import Result
from agent.backup.restore.selection import choose
from agent.backup.target import name_workspace
from agent.commands.backup import outcome, progress, restoring, shared
from agent.commands.backup.outcome import Subject
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.settings.context import Context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    parser.add_argument(
        "--keep", action="store_true",
        help="change nothing: accept the result of an unfinished restore as finished",
    )  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Take the last restore back, or finish that; exit 0 when all is as it was, else 1."""
    current = context.load()
    with shared.hold(current, printer, "a restore is running"):
        note = undo.FILE.read(current.facts)
        if note is None:
            raise AgentError(Problem("there is no restore to undo"))
        if arguments.keep:
            return keep(current, note, printer)
        (target,) = shared.find_ready(current, printer, note.target)
        places = [open_restic(target, current, printer.note)]
        chosen = choose(
            places, name_workspace(current.settings), note.goal, current.facts.clock.now()
        )
        with progress.show(printer, target.name) as listener:
            restorer = way_back.make_restorer(current, chosen, listener)
            for path in map(Path, note.paths):
                restorer.check_path(path, way_back.find_places(current))
            roots = restorer.find_roots()
            scopes = [find_scope(path, roots) for path in map(Path, note.paths)]
            consent = restoring.Consent(arguments.yes, "--yes changes them")
            result = restoring.ask_and_restore(
                current, restorer, scopes, name(note), consent, printer, kind=undo.UNDO
            )
    subject = Subject(chosen.snapshot.id, chosen.snapshot.short, target.name, note.paths)
    return outcome.finish(subject, result, printer)


def name(note: undo.Undo) -> str:
    """Return what is done, for who is asked."""
    if note.goal == note.source:
        return f"the undo to {note.goal[:8]}, begun at {note.time}, is finished"
    source = undo.shorten(note.source)
    return f"the restore of {source} at {note.time} is undone, back to {note.goal[:8]}"


def keep(current: Context, note: undo.Undo, printer: Printer) -> int:
    """Let an unfinished restore count as finished; `undo` still takes it back."""
    if note.finished:
        raise AgentError(Problem("cannot use --keep: the last restore is finished"))
    undo.write(current.facts, replace(note, finished=True))
    subject = Subject(note.source, note.source, note.target, note.paths)
    what = f"{', '.join(note.paths)} stays as it is"
    line = f"{what}; `devcopilot backup undo` restores {note.safety[:8]}"
    printer.show(outcome.describe(subject, Result(way_back=note.safety)), [line])
    return Exit.OK
