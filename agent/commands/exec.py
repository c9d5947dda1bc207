"""Run a command with a fresh GitHub token in its environment, and only there."""

import argparse
import os

from agent.commands.options import add_host_option
from agent.commands.output import Printer
from agent.github import audit
from agent.github.fresh import find_fresh
from agent.github.hosts import find_token_variables
from agent.machine.errors import Problem, UsageError
from agent.machine.light.exits import Exit
from agent.settings import context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_host_option(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD…")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Become the command; return only when it cannot be executed."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise UsageError("no command given", "devcopilot exec -- CMD…")
    current = context.load()
    host = arguments.host or current.settings.github.host
    token = find_fresh(current, host)
    given = dict.fromkeys(find_token_variables(host), token.value.reveal())
    audit.note(current.facts, "exec", host)
    environment = {**os.environ, **given, "GH_HOST": host}
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - its purpose
    except FileNotFoundError:
        printer.fail(Problem(f"cannot execute {command[0]}: not found"))
        return Exit.NOT_FOUND
    except OSError as error:
        printer.fail(Problem(f"cannot execute {command[0]}: {error.strerror}"))
        return Exit.NOT_EXECUTABLE
