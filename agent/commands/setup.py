"""Carry out what is due of all units: clone, hooks and the like (run by the agent)."""

import argparse
import signal

from agent.commands.output import Printer
from agent.commands.unit_reports import Events
from agent.machine.errors import AgentError, Problem
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.machine.records.setup_trigger import JOB, find_file
from agent.settings import context
from agent.units.all import KINDS
from agent.units.setup import Setup, is_settled
from agent.workspace.setup_job import find_awaited


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Carry it out; exit 0 however the units end, since each tells for itself.

    Where it cannot, in a runtime folder that is full, nobody would know what to wait for: this goes
    on until there is room, and once more then.
    """
    current = context.load()
    log = printer.open_log(JOB, current.settings.agent.log_level)
    watch = (find_file(current.facts), *find_awaited(current))
    setup = Setup(current, KINDS, Events(log), watch=watch)
    signal.signal(signal.SIGTERM, lambda _number, _frame: setup.stop())
    seconds = setup.run()
    folder = str(current.facts.runtime)
    if setup.unwritten and not setup.stopping.is_set():
        names = ", ".join(sorted(setup.unwritten))
        problem = f"cannot write the state of these units to {folder}: {names}"
        printer.fail(Problem(problem, "make room there"))
        setup.wait_for_room()
        seconds = 0.0
    try:
        if seconds is not None:
            runtime.write_next_run(folder, JOB, seconds)
        elif is_settled(current.facts):
            runtime.write_done(folder, JOB)
    except OSError as error:
        raise AgentError(Problem(f"cannot write to {folder}: {error.strerror}")) from error
    return Exit.OK
