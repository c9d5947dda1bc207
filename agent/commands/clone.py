"""Clone repositories into the workspace, as DEV8_REPOSITORIES would at the start.

URL is an address of git, of a web page (branch, pull request, commit), or OWNER/NAME of GH_HOST.
"""

import argparse
import threading
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.units import Lines, end_on_signals, hold
from agent.life.clone.kind import KIND, clone_all
from agent.life.unit import Unit, Work
from agent.machine.errors import AgentError, Problem
from agent.machine.exits import Exit
from agent.machine.unit_record import BAD, State
from agent.settings import context
from agent.settings.context import Context
from agent.settings.repository import FORM, EntryError, Repository, mask, parse_entry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("url", nargs="+", metavar="URL",
                        help=f"in quotes where it has options: {FORM}")  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Clone them; exit 0 when all of them are there."""
    repositories = [read(text) for text in arguments.url]
    current = context.load()
    with hold(current.facts, KIND.name):
        units = clone(current, repositories, printer)
    records = [unit.record for unit in units]
    printer.show([asdict(each) for each in records], [])
    good = all(each.state not in (*BAD, State.WAITING) for each in records)
    return Exit.OK if good else Exit.FAILED


def read(text: str) -> Repository:
    """Return what a word of the command line names. Raises AgentError (exit 2)."""
    try:
        return parse_entry(text)
    except EntryError as error:
        problem = Problem(f"cannot clone {mask(text)}: {error}", error.hint)
        raise AgentError(problem, exit_code=Exit.USAGE) from None


def clone(current: Context, repositories: list[Repository], printer: Printer) -> list[Unit]:
    """Clone them in the foreground; what is there already counts."""
    stopping = threading.Event()
    end_on_signals(stopping.set)
    with printer.watch("clone") as bar:
        work = Work(current, KIND, Lines(printer, bar), stopping, again=True)
        return clone_all(work, repositories)
