"""What a person sees who logs in over ssh while the workspace is still being set up.

The image's session.sh starts it in the background of interactive logins only, and ends it at Enter.
"""

import shutil
from collections.abc import Iterable
from typing import TextIO

from agent.commands.layout import Bar
from agent.machine.light.clock import parse_time
from agent.machine.light.escaping import escape_line
from agent.machine.light.human import find_left, format_duration
from agent.machine.records import unit_record
from agent.machine.records.unit_record import BEGINS_AGAIN, SEPARATOR, Record, State
from agent.machine.system import Facts
from agent.units.setup import NOT_YET
from agent.units.waiting import Answer

SOON = (NOT_YET, BEGINS_AGAIN)
"""Reasons of units that begin in a moment."""
OVER = "wait.over"
"""In the folder of ssh: nobody waits any more."""


class IdleError(Exception):
    """Nothing is at work: what is not done waits for a person, a token or a time."""


def find_running(answer: Answer, units: Iterable[Record]) -> Record | None:
    """Return what is at work, of what is waited for if there is any; a part before its kind.

    None: it begins in a moment. Raises IdleError.
    """
    units = list(units)
    kind = answer.unit.kind if answer.unit else ""
    running = [unit for unit in units if unit.state is State.RUNNING]
    if units and not running and all(unit.reason not in SOON for unit in units):
        raise IdleError
    running.sort(key=lambda unit: (unit.kind != kind, SEPARATOR not in unit.name))
    return running[0] if running else None


def describe(unit: Record | None) -> str:
    """Return what is at work, for how long, and where its output is."""
    if unit is None:
        return "still setting up; Enter to go on"
    since = parse_time(unit.since)
    past = f" {format_duration(-find_left(since))}" if since else ""
    return f"still setting up: {unit.name}{past} (devcopilot log {unit.name}); Enter to go on"


def tell(facts: Facts, line: "Line", answer: Answer) -> None:
    """Show what is still at work. Raises IdleError."""
    line.spin(describe(find_running(answer, unit_record.list_all(facts))))


class Line(Bar):
    """One line that is written over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._width = 0

    def spin(self, text: str = "") -> None:
        """Show a text in place of the one before."""
        columns = shutil.get_terminal_size().columns
        text = escape_line(text)[: columns - 1]
        self._out.write(f"\r{text:<{min(self._width, columns - 1)}}")
        self._out.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Leave the line empty."""
        self.spin()
        self._out.write("\r")
        self._out.flush()
