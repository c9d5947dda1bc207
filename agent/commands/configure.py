"""Bring the workspace into the state that the settings describe. A second run changes nothing."""

import argparse
import os

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, UsageError
from agent.machine.light import runtime, termination
from agent.machine.light.exits import Exit
from agent.machine.light.log import LEVELS
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import find_warnings
from agent.workspace import configure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_json_option(parser)
    parser.add_argument(
        "--boot",
        action="store_true",
        help="read the environment and write the boot file; for `run`",
    )
    parser.add_argument(
        "--log-level", choices=LEVELS, default="info", help="log level if DEV8_LOG_LEVEL is not set"
    )


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Configure; exit 0 also when parts could not be done: each is one line, and in `status`."""
    try:
        return carry_out(arguments, printer)
    except AgentError as error:
        if arguments.boot:  # it ends the container
            termination.leave(map(str, error.problems))
        raise


def carry_out(arguments: argparse.Namespace, printer: Printer) -> int:
    """Do what `run` says. Raises AgentError when nothing was done."""
    if arguments.boot:
        current = context.from_environ(os.environ)
        begin_life(current)
    else:
        current = context.load()
    agent = current.settings.agent
    log = printer.open_log("configure", agent.log_level or arguments.log_level, agent.log_format)
    for warning in find_warnings(current.variables):
        log.warning(str(warning))
    outcome = configure.carry_out_alone(current)
    for step, problem in outcome.problems:
        log.log(problem.level, str(problem), step=step)
    for step, words in outcome.announcements:
        log.announce(words, step=step)
    if not arguments.boot:
        printer.show(configure.make_document(outcome), ())
    log.info("configured", changes=len(outcome.changes), problems=len(outcome.problems))
    return Exit.OK


def begin_life(current: Context) -> None:
    """Hold the runtime folder until this process ends, and forget an earlier life in it.

    Raises AgentError (exit 2) when it cannot be used.
    """
    folder = str(current.facts.runtime)
    try:
        runtime.hold(folder, current.facts.uid)
        runtime.clear(folder)
    except OSError as error:
        raise UsageError(runtime.explain(folder, error)) from error
