"""List the ports on which programs listen: whose, since when, and how to open them."""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.light.clock import parse_time
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_age
from agent.machine.network.addresses import join_port
from agent.machine.network.sockets import TCP
from agent.observe.ports import overview
from agent.observe.ports.overview import Report, Row
from agent.settings import context
from agent.settings.context import Context

NOTHING = "no program of yours listens on a port; --all shows the agent's own"
NOTHING_AT_ALL = "no program listens on a port"
HEAD = ("PORT", "ADDRESS", "PROGRAM", "PID", "LABEL", "SINCE", "OPEN")
LOOK = 1.0
"""Seconds between two looks of --watch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--all", action="store_true", help="also the agent's own, those of editors, and UDP"
    )
    parser.add_argument("--watch", action="store_true", help="print them again at each change")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print a row for each port."""
    current = context.load()
    for each in look(current, everything=arguments.all, again=arguments.watch):
        rows = each.rows
        nothing = NOTHING_AT_ALL if arguments.all else NOTHING
        printer.show_table([asdict(row) for row in rows], HEAD, map(make_cells, rows), nothing)
        printer.note(*make_notes(each))
    return Exit.OK


def look(current: Context, *, everything: bool, again: bool) -> Iterator[Report]:
    """Yield the ports, and `again` whenever they have changed."""
    before: set[object] | None = None
    while True:
        found = overview.collect(current, everything=everything)
        now = {row.identity for row in found.rows}
        if now != before:
            yield found
        if not again:
            return
        before = now
        time.sleep(LOOK)


def make_cells(row: Row) -> Sequence[str]:
    """Return a row as people read it."""
    since = parse_time(row.since or "")
    return (
        str(row.port) if row.protocol == TCP else f"{row.port}/{row.protocol}",
        describe_address(row),
        describe_owner(row),
        str(row.pid or "-"),
        row.label or "-",
        format_age(since) if since else "-",
        row.url or "-",
    )


def describe_address(row: Row) -> str:
    """Return where it listens, in a word where one says it."""
    if row.reach == "all" or set(row.addresses) & {"127.0.0.1"}:
        return row.reach
    return " ".join(join_port(each, row.port).rpartition(":")[0] for each in row.addresses)


def describe_owner(row: Row) -> str:
    """Return whose it is."""
    if row.program is None:
        return f"uid {row.uid}, program not visible"
    return f"{row.program} in {row.folder}" if row.folder else row.program


def make_notes(found: Report) -> Iterator[str]:
    """Yield what helps to open the ports, and what cannot be seen."""
    for row in found.rows:
        for advice in row.advice:
            yield f"port {row.port}: {advice}"
    ways = [row.ssh for row in found.rows if row.ssh and row.usual]
    if ways:
        yield f"from your machine, for example: {ways[0]}"
    yield from found.notes
