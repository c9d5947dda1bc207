"""List all variables, exit codes and files."""

import argparse
import json
import sys

from agent.machine.exits import Exit
from agent.settings import reference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print Markdown")


def run(arguments: argparse.Namespace) -> int:
    """Print the reference."""
    if arguments.json:
        sys.stdout.write(json.dumps(reference.document(), indent=2) + "\n")
    elif arguments.markdown:
        sys.stdout.write("\n\n".join(reference.sections().values()) + "\n")
    else:
        sys.stdout.write(reference.render_text())
    return Exit.OK
