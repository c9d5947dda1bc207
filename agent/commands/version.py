"""Print the version of the agent."""

import argparse
import sys

from agent import __version__
from agent.machine.exits import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options: none."""


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - every verb has this signature
    """Print the version."""
    sys.stdout.write(f"devcopilot {__version__}\n")
    return Exit.OK
