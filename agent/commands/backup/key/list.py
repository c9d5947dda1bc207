"""List the passwords that open each destination, without showing them."""

import argparse

from agent.commands.backup import shared
from agent.commands.backup.key.shown import HEAD, describe, find_keys, format_row
from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.settings import context

add_arguments = shared.add_usual_options


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """List; exit 0 when every target answered, else 1."""
    current = context.load()
    targets = shared.find_ready(current, printer, arguments.target)
    found, failed = find_keys(current, targets, printer)
    rows = [describe(*item) for item in found]
    printer.show_table(rows, HEAD, (format_row(*item) for item in found))
    return Exit.FAILED if failed else Exit.OK
