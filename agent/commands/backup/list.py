"""List the backups, the newest last."""

import argparse
from collections.abc import Iterable

from agent.backup import record
from agent.backup.create import comparison
from agent.backup.create.session import find_content
from agent.backup.create.snapshot import SAFETY, TAG
from agent.backup.open_targets import open_restic
from agent.backup.restic.client import Code, ResticError, Snapshot
from agent.backup.target import name_workspace
from agent.commands.backup import shared
from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_age, format_moment, format_size
from agent.machine.values import frozen
from agent.settings import context
from agent.settings.context import Context

NOTHING = "no backups yet; create one with `devcopilot backup create`"
HEAD = ("ID", "TARGET", "MADE", "", "FILES", "SIZE", "ADDED", "KIND")


@frozen
class Row:
    """One backup on one target."""

    target: str
    snapshot: Snapshot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    shared.add_usual_options(parser)
    parser.add_argument(
        "--content", action="store_true", help="list what a backup contains and what it skips"
    )


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """List; exit 0 when every target answered, else 1."""
    current = context.load()
    if arguments.content:
        found = find_content(current.settings, current.facts, shared.TOOL_FILES)
        document = {"paths": list(map(str, found.paths)), "excludes": found.excludes}
        lines = [f"+ {path}" for path in found.paths]
        printer.show(document, [*lines, *(f"- {pattern}" for pattern in found.excludes)])
        return Exit.OK
    rows: list[Row] = []
    failed = False
    for target in shared.find_ready(current, printer, arguments.target):
        try:
            restic = open_restic(target, current, printer.note)
            rows += find_rows(target.name, restic.snapshots(*_mine(current)))
        except ResticError as error:
            is_absent = error.finished.code == Code.NO_REPOSITORY
            if is_absent and not record.read(current.facts, target.name).snapshot:
                continue
            failed = True
            printer.fail(comparison.explain_listing(restic, error))
    rows.sort(key=lambda row: row.snapshot.time)
    if rows or not failed:
        documents = [describe(row) for row in rows]
        printer.show_table(documents, HEAD, map(format_row, rows), NOTHING)
    else:
        printer.show([], ())
    return Exit.FAILED if failed else Exit.OK


def _mine(current: Context) -> Iterable[str]:
    return ("--host", name_workspace(current.settings))


def find_rows(target: str, snapshots: Iterable[Snapshot]) -> list[Row]:
    """Return the rows of those snapshots that the agent made."""
    return [Row(target, item) for item in snapshots if {TAG, SAFETY} & set(item.tags)]


def describe(row: Row) -> dict[str, object]:
    """Return a row as values for JSON; sizes in bytes."""
    snapshot = row.snapshot
    return {
        "id": snapshot.id,
        "target": row.target,
        "time": snapshot.time.isoformat(),
        "files": snapshot.files,
        "size": snapshot.size,
        "added": snapshot.added,
        "kind": find_kind(snapshot),
        "paths": snapshot.paths,
    }


def find_kind(snapshot: Snapshot) -> str:
    """Return what a backup was made for: backup, or safety (before a restore)."""
    return SAFETY if SAFETY in snapshot.tags else "backup"


def format_row(row: Row) -> tuple[str, ...]:
    """Return a row for a person."""
    snapshot = row.snapshot
    return (
        snapshot.short,
        row.target,
        format_moment(snapshot.time),
        format_age(snapshot.time),
        f"{snapshot.files:,}",
        format_size(snapshot.size),
        format_size(snapshot.added),
        find_kind(snapshot),
    )
