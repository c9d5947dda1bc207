"""Take the last restore in place back; once more, and it is there again."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from agent.backup import undo
from agent.backup.clearing import find_scope
from agent.backup.selection import choose
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.target import name_workspace
from agent.verbs import context
from agent.verbs.backup import restoring, work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Take it back; exit 0 when all is as it was, else 1."""
    current = context.load()
    with work.hold(current, "a restore is running"):
        note = undo.read(current.facts)
        if note is None:
            raise AgentError(Problem("there is no restore to take back"))
        (target,) = work.find_ready(current, note.target)
        places = [work.open_restic(target, current)]
        chosen = choose(places, name_workspace(current.settings), note.safety, datetime.now(UTC))
        with restoring.show_progress(target.name) as listener:
            restorer = restoring.make_restorer(current, chosen, listener)
            for path in map(Path, note.paths):
                restorer.check_path(path, restoring.find_places(current))
            roots = restorer.find_roots()
            scopes = [find_scope(path, roots) for path in map(Path, note.paths)]
            title = f"the restore of {note.source[:8]} at {note.time} is taken back"
            result = restoring.ask_and_restore(
                current, restorer, scopes, title, is_sure=arguments.yes
            )
    if result is None:
        return Exit.FAILED
    return restoring.finish(
        result, chosen.snapshot.short, ", ".join(note.paths), as_json=arguments.json
    )
