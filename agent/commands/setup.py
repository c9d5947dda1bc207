"""Carry out what is due of all units: clone, hooks and the like (run by the agent)."""

import argparse
import signal

from agent.commands.output import Printer
from agent.commands.unit_reports import Events
from agent.machine import runtime
from agent.machine.errors import AgentError, Problem
from agent.machine.exits import Exit
from agent.machine.setup_trigger import JOB
from agent.settings import context
from agent.units.all import KINDS
from agent.units.setup import Setup
from agent.workspace.setup_job import find_watched


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Carry it out; exit 0 however the units end, since each tells for itself."""
    current = context.load()
    log = printer.open_log(JOB, current.settings.agent.log_level)
    setup = Setup(current, KINDS, Events(log), watch=find_watched(current))
    signal.signal(signal.SIGTERM, lambda _number, _frame: setup.stop())
    seconds = setup.run()
    if seconds is not None:
        try:
            runtime.write_next_run(str(current.facts.runtime), JOB, seconds)
        except OSError as error:
            message = f"cannot write to {current.facts.runtime}: {error.strerror}"
            raise AgentError(Problem(message)) from error
    return Exit.OK
