"""Back the workspace up, and restore it. `devcopilot backup COMMAND --help` shows the options."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from agent.commands.output import Printer
from agent.machine.light.exits import SIGNAL_BASE

COMMANDS = {
    "create": "back up now, to every destination",
    "list": "list the backups",
    "restore": "restore everything, a folder or a single file",
    "undo": "undo the last restore",
    "verify": "read back part of the data and compare it",
    "prune": "remove old backups and free their space",
    "key": "create, add, list and remove passwords",
    "restic": "run plain restic with everything configured",
    "scheduled": "run the tasks that are due (run by the agent)",
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
        printer.note("cancelled; earlier backups are unaffected")
        raise SystemExit(SIGNAL_BASE + int(number)) from error


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
