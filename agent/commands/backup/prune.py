"""Remove old backups, as the settings say, and free their space at every destination."""

import argparse
import time

from agent.backup import record
from agent.backup.restic.client import Restic, ResticError
from agent.backup.upkeep import retention
from agent.commands.backup import shared
from agent.commands.output import Printer
from agent.machine import hints
from agent.machine.errors import Problem
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_duration
from agent.settings.context import Context

add_arguments = shared.add_usual_options


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Forget and free; exit 0 when it was done on every target, else 1."""
    rows = shared.on_each(arguments.target, printer, "space is being freed", clean, format_row)
    return Exit.FAILED if any(row["problem"] for row in rows) else Exit.OK


def clean(restic: Restic, current: Context) -> dict[str, object]:
    """Forget and free on one target; return what was done as values for JSON."""
    name, began = restic.target.name, time.monotonic()
    done = retention.Forgotten(0, 0)
    problem = ""
    try:
        done = forget(restic, current)
        retention.prune(restic)
    except ResticError as error:
        problem = str(error.problem)
    except OSError as error:
        problem = str(hints.explain(error, f"record the result for {name}"))
    return {
        "target": name,
        "forgotten": done.removed,
        "kept": done.kept,
        "warning": str(done.warning) if done.warning else None,
        "problem": problem or None,
        "seconds": round(time.monotonic() - began, 1),
    }


def forget(restic: Restic, current: Context) -> retention.Forgotten:
    """Forget old backups, if the last one was good and is listed; else none. Raises ResticError."""
    known = record.read(current.facts, restic.target.name)
    if known.problem or not known.snapshot:
        why = known.problem or "this workspace has made none"
        return retention.Forgotten(
            0, 0, Problem(f"removed nothing, because of the last backup: {why}")
        )
    listed = restic.snapshots()
    newest = next((item for item in listed if item.id == known.snapshot), None)
    if newest is None:
        cause = f"the last backup, {known.snapshot[:8]}, is not listed"
        return retention.Forgotten(len(listed), 0, Problem(f"removed nothing: {cause}"))
    return retention.forget(restic, current.settings, newest)


def format_row(row: dict[str, object]) -> str:
    """Return what was done on a target, for a person."""
    if row["problem"]:
        return f"{row['target']}: {row['problem']}"
    seconds = row["seconds"]
    assert isinstance(seconds, float)  # noqa: S101 - as `clean` returns it
    text = f"{row['target']}: {row['forgotten']} removed, {row['kept']} kept, "
    text += f"space freed in {format_duration(seconds)}"
    return text + (f"; {row['warning']}" if row["warning"] else "")
