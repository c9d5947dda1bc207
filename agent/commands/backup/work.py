"""What the commands share: the targets to work on, and how values are shown."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from agent.backup import lock
from agent.backup.open import find_wanted_targets
from agent.backup.target import Target
from agent.backup.targets.all import TARGETS
from agent.machine.errors import AgentError
from agent.machine.escaping import encode_json, escape_line, make_lines
from agent.settings.context import Context

Row = dict[str, object]
"""What was done on a target, as values for JSON."""
PATIENCE = 15.0
"""Seconds that a person's command waits for another one to end: a scheduled backup of little takes
less."""


def add_target_option(parser: argparse.ArgumentParser) -> None:
    """Declare --target."""
    names = [kind.name for kind in TARGETS]
    parser.add_argument("--target", choices=names, help="work on this one alone")


def find_ready(current: Context, only: str | None = None) -> Sequence[Target]:
    """Return the targets that can be used, and tell what is wrong with others.

    Raises AgentError when none is left.
    """
    targets = find_wanted_targets(current, only)
    if not targets.ready:
        raise AgentError(*targets.in_trouble.values())
    for problem in targets.in_trouble.values():
        sys.stderr.write(f"devcopilot: {problem}\n")
    return targets.ready


def hold(current: Context, doing: str) -> AbstractContextManager[None]:
    """Keep all others away, after waiting a while for one who was first, which is told."""

    def tell(holder: str) -> None:
        sys.stderr.write(make_lines(f"devcopilot: waiting up to {PATIENCE:.0f} s: {holder}"))

    return lock.hold(current.facts, doing, patience=PATIENCE, tell=tell)


def on_each(
    current: Context,
    arguments: argparse.Namespace,
    doing: str,
    work_on: Callable[[Target, Context], Row],
    format_row: Callable[[Row], str],
) -> list[Row]:
    """Work on each ready target under the lock, print what became of each, and return it."""
    rows = []
    with hold(current, doing):
        for target in find_ready(current, arguments.target):
            rows.append(work_on(target, current))
            if not arguments.json:
                sys.stdout.write(make_lines(format_row(rows[-1])))
    if arguments.json:
        sys.stdout.write(encode_json(rows, indent=2) + "\n")
    return rows


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under a heading, each column as wide as its widest cell."""
    cells = [tuple(map(escape_line, row)) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
    return "".join(f"{line}\n" for line in lines)
