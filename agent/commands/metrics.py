"""Print the metrics of the workspace for Prometheus, or write them to a file.

The file is replaced in one step: a collector that reads it, such as node_exporter's, never finds
half of it.
"""

import argparse
from pathlib import Path

from agent.commands.output import Printer
from agent.machine.deadline import refusal_after
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.machine.system import System
from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import render
from agent.observe.status import collect
from agent.settings import context

DEADLINE = 15.0
"""Seconds for all of it: a disk may be on a server that is gone."""
MODE = 0o644
"""Of the file: a collector has a user of its own, and no metric is a secret."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--openmetrics", action="store_true",
                        help="print OpenMetrics 1.0, not Prometheus text")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE.prom",
                        help="replace this file in one step, for a textfile collector")  # fmt: skip


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print or write the metrics."""
    current = context.load()
    with refusal_after(DEADLINE, "read the metrics"):
        text = render(FAMILIES, collect(current), openmetrics=arguments.openmetrics)
    if arguments.out:
        write(arguments.out, text)
    else:
        printer.say(*text.removesuffix("\n").split("\n"))
    return Exit.OK


def write(path: Path, text: str) -> None:
    """Replace the file."""
    try:
        System({}).write_file(path.absolute(), text.encode(), MODE)
    except OSError as error:
        cause = error.strerror or str(error)
        hint = "name a file in a folder that you can write to"
        raise AgentError(Problem(f"cannot write {path}: {cause}", hint)) from error
