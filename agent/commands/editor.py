"""Print what a new window of the editor starts with on a folder (run by the editor)."""

import argparse
from dataclasses import asdict
from pathlib import Path

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.workspace import window


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("folder", type=Path, help="a folder, or a .code-workspace file")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print what the window starts with."""
    found = asdict(window.describe(context.load(), arguments.folder))
    printer.show(found, [f"{name}: {value}" for name, value in found.items()])
    return Exit.OK
