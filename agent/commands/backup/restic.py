"""Run plain restic on a destination, with everything configured, such as `restic -- stats`."""

import argparse
import os
from contextlib import suppress

from agent.backup import lock, reading
from agent.backup.restic import runs
from agent.backup.restic.client import NO_LOCK, find_options, make_environment
from agent.backup.target import PROGRAM
from agent.commands.backup import shared
from agent.commands.output import Printer
from agent.machine.errors import UsageError
from agent.settings import context
from agent.settings.context import Context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    shared.add_target_option(parser)
    parser.add_argument("args", nargs=argparse.REMAINDER, metavar="-- ARGS…")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Become restic."""
    words = arguments.args[1:] if arguments.args[:1] == ["--"] else arguments.args
    current = context.load()
    targets = shared.find_ready(current, printer, arguments.target)
    if len(targets) > 1:
        names = ", ".join(target.name for target in targets)
        problem = f"there are several destinations: {names}"
        raise UsageError(problem, "select one with --target NAME")
    if NO_LOCK not in words:
        wait_for_schedule(current, printer)
        words = ["--retry-lock", reading.PATIENCE, *words] if words else words
    environment = make_environment(targets[0], current.facts, current.settings.backup.memory)
    program = str(current.facts.which(PROGRAM))
    argv = [PROGRAM, *find_options(targets[0]), *words]
    entry = runs.open_entry(current.facts)
    if entry.descriptor is not None:
        os.set_inheritable(entry.descriptor, True)
    entry.note(os.getpid())
    os.execve(program, argv, environment)  # noqa: S606 - its purpose


def wait_for_schedule(current: Context, printer: Printer) -> None:
    """Have what works by a schedule make way; what a person does is left to restic's own locks."""
    with suppress(lock.BusyError), shared.hold(current, printer, "restic is about to run"):
        pass
