"""What the commands share: the targets to work on, and how values are shown."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from agent.backup import lock
from agent.backup.create.content import ToolFiles
from agent.backup.open_targets import find_wanted_targets, open_restic
from agent.backup.restic.client import Restic
from agent.backup.target import Target
from agent.backup.targets.all import TARGETS
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError
from agent.settings import context
from agent.settings.context import Context
from agent.tools.all import TOOLS

Row = dict[str, object]
"""What was done on a target, as values for JSON."""
TOOL_FILES = ToolFiles(
    tuple(name for tool in TOOLS for name in tool.kept),
    tuple(name for tool in TOOLS for name in tool.secrets),
)
PATIENCE = 15.0
"""Seconds that a person's command waits for another one to end: a scheduled backup of little takes
less."""


def add_target_option(parser: argparse.ArgumentParser) -> None:
    """Declare --target."""
    names = [kind.name for kind in TARGETS]
    parser.add_argument("--target", choices=names, help="use only this destination")


def add_usual_options(parser: argparse.ArgumentParser) -> None:
    """Declare --target and --json."""
    add_target_option(parser)
    add_json_option(parser)


def find_ready(current: Context, printer: Printer, only: str | None = None) -> Sequence[Target]:
    """Return the targets that can be used, and tell what is wrong with others.

    Raises AgentError when none is left.
    """
    targets = find_wanted_targets(current, only)
    if not targets.ready:
        raise AgentError(*targets.in_trouble.values())
    for problem in targets.in_trouble.values():
        printer.fail(problem)
    return targets.ready


def hold(current: Context, printer: Printer, doing: str) -> AbstractContextManager[None]:
    """Keep all others away, after waiting a while for one who was first; say so."""

    def tell(holder: str) -> None:
        printer.note(f"waiting up to {PATIENCE:.0f} s: {holder}")

    return lock.hold(current.facts, doing, patience=PATIENCE, tell=tell)


def on_each(
    only: str | None,
    printer: Printer,
    doing: str,
    work_on: Callable[[Restic, Context], Row],
    format_row: Callable[[Row], str],
) -> list[Row]:
    """Work on each ready target under the lock, print what became of each, and return it."""
    current = context.load()
    rows: list[Row] = []
    with hold(current, printer, doing):
        for target in find_ready(current, printer, only):
            with printer.watch(target.name) as bar:
                bar.spin(doing)
                rows.append(work_on(open_restic(target, current, printer.note), current))
            printer.say(format_row(rows[-1]))
    printer.show(rows, ())
    return rows
