"""Do what DEV8_IDLE_ACTION says, if the workspace is idle (run by the agent)."""

import argparse

from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.observe.activity import action
from agent.settings import context


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Act."""
    del arguments
    action.carry_out(context.load(), printer.open_log("activity"))
    return Exit.OK
