"""Clone repositories into the workspace, as DEV8_REPOSITORIES would at the start.

URL is an address of git, of a web page (branch, pull request, commit), or OWNER/NAME of GH_HOST.
"""

import argparse
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.unit_reports import work_on
from agent.machine.errors import UsageError
from agent.machine.light.exits import Exit
from agent.machine.records.unit_record import State
from agent.settings import context
from agent.settings.repository import FORM, EntryError, Repository, mask, parse_entry
from agent.units.clone.kind import KIND, clone_all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("url", nargs="+", metavar="URL",
                        help=f"in quotes where it has options: {FORM}")  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Clone them; exit 0 when all of them are there."""
    repositories = [read(text) for text in arguments.url]
    current = context.load()
    with work_on(KIND, current, printer) as work:
        units = clone_all(work, repositories)
    records = [work.find(unit) for unit in units]
    printer.show([asdict(each) for each in records], [])
    return Exit.OK if all(each.state is State.DONE for each in records) else Exit.FAILED


def read(text: str) -> Repository:
    """Return what a word of the command line names. Raises UsageError."""
    try:
        return parse_entry(text)
    except EntryError as error:
        raise UsageError(f"cannot clone {mask(text)}: {error}", error.hint) from None
