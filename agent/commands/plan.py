"""Show what `configure` would change, secrets masked. Changes nothing."""

import argparse
import os
import sys

from agent.machine.errors import AgentError
from agent.machine.escaping import encode_json, make_lines
from agent.machine.exits import Exit
from agent.settings import context
from agent.workspace.configure import make_rows, preview


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the changes, a line each, and what cannot be done."""
    outcome = preview(_find_context())
    if arguments.json:
        document = {
            "changes": [{"step": step, "change": change} for step, change in outcome.changes],
            "problems": make_rows(outcome.problems),
        }
        sys.stdout.write(encode_json(document, indent=2) + "\n")
        return Exit.OK
    lines = [f"{step}: {change}" for step, change in outcome.changes]
    lines += [f"{step}: warning: {problem}" for step, problem in outcome.problems]
    lines.append(f"{len(outcome.changes)} changes, {len(outcome.problems)} warnings")
    sys.stdout.write(make_lines(*lines))
    return Exit.OK


def _find_context() -> context.Context:
    """Return the running container's context, or that of a container that would start here."""
    try:
        return context.load()
    except AgentError as error:
        if error.exit_code == Exit.USAGE:
            raise
        return context.from_environ(os.environ)
