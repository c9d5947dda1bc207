"""Check the backups: read part of their data back, restore some files and compare them."""

import argparse
import time

from agent.backup.restic.client import Restic, ResticError
from agent.backup.upkeep.verification import Verdict, verify
from agent.commands.backup import shared
from agent.commands.output import Printer
from agent.machine import hints
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_duration
from agent.settings.context import Context

add_arguments = shared.add_usual_options


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Check; exit 0 when every target was checked and nothing was found, else 1."""
    rows = shared.on_each(
        arguments.target, printer, "the backups are being checked", check, format_row
    )
    return Exit.FAILED if any(row["finding"] or row["problem"] for row in rows) else Exit.OK


def check(restic: Restic, current: Context) -> dict[str, object]:
    """Check one target; return what was found as values for JSON."""
    name, began = restic.target.name, time.monotonic()
    found: Verdict | None = None
    problem = ""
    try:
        found = verify(restic, current.settings)
    except ResticError as error:
        problem = str(error.problem)
    except OSError as error:
        problem = str(hints.explain(error, f"check {name}"))
    return {
        "target": name,
        "part": found.part if found else None,
        "parts": found.parts if found else None,
        "files_restored": found.trial.files if found else 0,
        "files_compared": found.trial.compared if found else 0,
        "finding": (found.finding if found else "") or None,
        "problem": problem or None,
        "seconds": round(time.monotonic() - began, 1),
    }


def format_row(row: dict[str, object]) -> str:
    """Return what was found on a target, for a person."""
    if row["problem"] or row["finding"]:
        return f"{row['target']}: {row['problem'] or row['finding']}"
    part = "all data" if row["parts"] == 1 else f"part {row['part']} of {row['parts']} of the data"
    seconds = row["seconds"]
    assert isinstance(seconds, float)  # noqa: S101 - as `check` returns it
    return (
        f"{row['target']}: good: {part} was read back, {row['files_restored']} files were restored "
        f"and {row['files_compared']} of them compared with the live ones, "
        f"in {format_duration(seconds)}"
    )
