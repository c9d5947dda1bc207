"""List all variables, exit codes and files."""

import argparse

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.state_files import DOCUMENTS
from agent.machine.light.exits import Exit
from agent.settings import reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    form = parser.add_mutually_exclusive_group()
    add_json_option(form)
    form.add_argument("--markdown", action="store_true", help="print Markdown")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the reference."""
    files = reference.find_files(DOCUMENTS)
    text = "\n\n".join(reference.sections(files).values()) if arguments.markdown else ""
    text = text or reference.render_text(files).removesuffix("\n")
    printer.show(reference.document(files), text.split("\n"))
    return Exit.OK
