"""Print the GitHub token of a host, a fresh one if the published one ends soon."""

import argparse

from agent.commands.options import add_host_option, add_json_option
from agent.commands.output import Printer
from agent.github import audit
from agent.github.fresh import find_fresh
from agent.machine.light.exits import Exit
from agent.settings import context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_host_option(parser)
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the token; exit 1 when there is none."""
    current = context.load()
    token = find_fresh(current, arguments.host or current.settings.github.host)
    audit.note(current.facts, "token", token.host)
    printer.give("token", token.value.reveal())
    return Exit.OK
