"""Back the workspace up, and get it back: `devcopilot backup COMMAND --help` tells more."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agent.commands.output import Printer
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


@contextmanager
def guard(printer: Printer) -> Iterator[None]:
    """Have a command that is interrupted end what it started: nothing is lost."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        number = error.args[0] if error.args else signal.SIGINT
        printer.note("cancelled; the backups that were made before are as good")
        raise SystemExit(SIGNAL_BASE + int(number)) from error


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
