"""Back the workspace up, and get it back: `devcopilot backup COMMAND --help` tells more."""

import argparse
import importlib
import signal
import sys
from types import FrameType

from agent.machine.exits import SIGNAL_BASE

COMMANDS = {
    "create": "make a backup now, on every target",
    "list": "list the backups",
    "restore": "get back everything, a folder or one file",
    "undo": "take the last restore back",
    "verify": "read a part of the data back and compare it",
    "prune": "forget old backups and free their space",
    "key": "make, add, list and remove passwords",
    "restic": "run restic with everything set, for all else",
    "scheduled": "do what is due (the agent's own job)",
}
"""Each command with its one-line help, a file each, in the order of `--help`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands; only the one that is called is imported."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run a command. One that is interrupted ends what it started, and loses nothing."""
    name = arguments.command
    module = importlib.import_module(f"agent.commands.backup.{name}")
    parser = argparse.ArgumentParser(f"devcopilot backup {name}", description=module.__doc__)
    module.add_arguments(parser)
    options = parser.parse_args(arguments.words)
    arguments.json = getattr(options, "json", False)  # for whoever tells that it was refused
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(module.run(options))
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        sys.stderr.write("devcopilot: cancelled; the backups that were made before are as good\n")
        return SIGNAL_BASE + int(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
