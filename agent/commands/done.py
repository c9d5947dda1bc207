"""Note that a step of your own is done: `devcopilot wait --for done:NAME` waits for it."""

import argparse

from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.units import waiting


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("name", metavar="NAME", help="a name of your own: letters, digits, . _ -")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Note it; it holds until the container ends."""
    del printer
    if not waiting.NAME.fullmatch(arguments.name):
        raise UsageError(
            f"{arguments.name!r} cannot be the name of a step",
            "use up to 64 letters, digits, dots, underscores and hyphens",
        )
    facts = context.load().facts
    try:
        waiting.set_milestone(facts, arguments.name)
    except OSError as error:
        raise AgentError(Problem(f"cannot write to {facts.runtime}: {error.strerror}")) from error
    return Exit.OK
