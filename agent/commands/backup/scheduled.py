"""Do what is due: a backup, then the upkeep of the destinations (run by the agent)."""

import argparse

from agent.backup import due, lock
from agent.backup.open_targets import find_wanted_targets
from agent.commands.backup.shared import TOOL_FILES
from agent.commands.output import Printer
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.machine.programs.background import give_way
from agent.settings import context

JOB = "backup"
WAY_PAUSE = 60.0
"""Seconds until the next look, after it has made way for somebody."""
BUSY_PAUSE = 300.0
"""Seconds until the next look, when somebody else works on the backups."""


def run(_: argparse.Namespace, printer: Printer) -> int:
    """Do it; exit 0 also when nothing was due."""
    current = context.load()
    folder = str(current.facts.runtime)
    log = printer.open_log("backup", current.settings.agent.log_level)
    give_way()
    found = find_wanted_targets(current)
    targets, done = found.ready, not found.in_trouble
    for name, problem in found.in_trouble.items():
        log.warning(str(problem), target=name)
    if not any(due.is_due(current, target) for target in targets):
        runtime.write_next_run(folder, JOB, due.find_pause(current, targets))
        return Exit.OK if done else Exit.FAILED
    try:
        with (
            lock.hold(current.facts, "a scheduled backup is being made"),
            lock.make_way(current.facts),
        ):
            done = due.do_what_is_due(current, targets, TOOL_FILES, log) and done
    except lock.BusyError:
        runtime.write_next_run(folder, JOB, BUSY_PAUSE)
        return Exit.OK
    except lock.GiveWay:
        log.info("interrupted for one of your commands; retrying soon")
        runtime.write_next_run(folder, JOB, WAY_PAUSE)
        return Exit.OK
    runtime.write_next_run(folder, JOB, due.find_pause(current, targets))
    return Exit.OK if done else Exit.FAILED
