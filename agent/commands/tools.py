"""Install the AI tools that are wanted and missing, and renew those that the agent installed.

Wanted are those whose key is given, or those that DEV8_AI_TOOLS or the command line name. It needs
npm and its registry; a program that is on the PATH by another way is left alone.
"""

import argparse
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.unit_reports import work_on
from agent.machine.light.exits import Exit
from agent.machine.records.unit_record import State
from agent.settings import context
from agent.tools.all import TOOLS
from agent.tools.rows import describe
from agent.tools.tool import AiTool, find_wanted
from agent.units.tools.kind import KIND, install


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    names = ", ".join(tool.name for tool in TOOLS)
    parser.add_argument(
        "tools",
        nargs="*",
        type=find_tool,
        metavar="NAME",
        help=f"install only these, with or without a key: {names}",
    )
    add_json_option(parser)


def find_tool(name: str) -> AiTool:
    """Return the tool of this name, for argparse."""
    for known in TOOLS:
        if known.name == name:
            return known
    raise argparse.ArgumentTypeError(f"there is no tool {name}")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Install; exit 0 when all of them are there, else 1."""
    current = context.load()
    chosen = tuple(arguments.tools) or find_wanted(TOOLS, current.settings)
    with work_on(KIND, current, printer) as work:
        units = install(work, chosen)
    rows = describe(TOOLS, current.settings, current.facts)
    lines = [] if chosen else ["nothing to install: no API key set, or DEV8_AI_TOOLS is off"]
    printer.show([asdict(row) for row in rows], lines)
    return Exit.OK if all(unit.state is State.DONE for unit in units) else Exit.FAILED
