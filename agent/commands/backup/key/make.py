"""Print a new password without using it."""

import argparse

from agent.backup.prerequisites import make_password
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.light.exits import Exit

add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print it."""
    printer.give("password", make_password())
    return Exit.OK
