"""Print the version of the agent."""

import argparse

from agent import __version__
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_json_option(parser)


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the version."""
    printer.show({"version": __version__}, [f"devcopilot {__version__}"])
    return Exit.OK
