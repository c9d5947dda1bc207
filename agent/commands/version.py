"""Print the version of the agent, and those of the image's languages."""

import argparse

from agent import __version__
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.observe.languages import find_languages

add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the versions."""
    languages = dict(find_languages())
    lines = (f"{name} {version}" for name, version in languages.items())
    printer.show(
        {"version": __version__, "languages": languages}, [f"devcopilot {__version__}", *lines]
    )
    return Exit.OK
