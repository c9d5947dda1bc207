"""Show the state of the workspace: services, GitHub token, AI tools, backups, problems."""

import argparse
from collections.abc import Iterator

from agent.commands.layout import Item, Page
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.deadline import refusal_after
from agent.machine.light.exits import Exit
from agent.observe.describe import describe, describe_workspace
from agent.observe.status import Status, collect, make_document
from agent.settings import context

DEADLINE = 15.0
"""Seconds for all of it: a file of the home may be on a server that is gone."""
PHASES = {"starting": "idle", "ready": "good", "stopping": "warning"}


add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the status; exit 0 whatever it says: `health` is the verb that judges."""
    with refusal_after(DEADLINE, "show the status"):
        status = collect(context.load())
    printer.show(make_document(status), format_lines(status), lambda: make_page(status))
    return Exit.OK


def make_page(status: Status) -> Page:
    """Return what a terminal shows."""
    sections = [(section.title, section.items) for section in describe(status)]
    address = (status.page,) if status.page else ()
    mark, name = PHASES.get(status.phase, "warning"), " · ".join(describe_workspace(status))
    return Page(Item(mark, name, "", address), sections)


def format_lines(status: Status) -> Iterator[str]:
    """Yield what a pipe gets: the same, a line each that begins with what it is about."""
    yield f"workspace {', '.join(describe_workspace(status))}"
    if status.page:
        yield f"page      {status.page}"
    for section in describe(status):
        for item in section.items:
            yield f"{section.label:<9} {item.line}"
