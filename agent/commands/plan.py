"""Show what `configure` would change, secrets masked. Changes nothing."""

import argparse
import os

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.workspace.configure import make_document, preview

add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the changes, a line each, and what cannot be done."""
    outcome = preview(_find_context())
    lines = [f"{step}: {change}" for step, change in outcome.changes]
    lines += [f"{step}: warning: {problem}" for step, problem in outcome.problems]
    lines.append(f"{len(outcome.changes)} changes, {len(outcome.problems)} warnings")
    printer.show(make_document(outcome), lines)
    return Exit.OK


def _find_context() -> context.Context:
    """Return the running container's context, or that of a container that would start here."""
    try:
        return context.load()
    except AgentError as error:
        if error.exit_code == Exit.USAGE:
            raise
        return context.from_environ(os.environ)
