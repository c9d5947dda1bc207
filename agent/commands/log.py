"""Print the log of a unit's last run."""

import argparse
import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from agent.commands.output import Printer
from agent.commands.unit_reports import describe_end, show_progress
from agent.machine.errors import AgentError, Problem
from agent.machine.formats.lines import split_lines
from agent.machine.light.exits import Exit
from agent.machine.light.files import STATE, read_file
from agent.machine.records import unit_record
from agent.machine.records.unit_log import FOLDER, find_path
from agent.machine.records.unit_record import UNDECIDED, Record, State, make_name
from agent.machine.storage import holders
from agent.machine.storage.inotify import Changes
from agent.settings import context
from agent.settings.context import Context
from agent.units.all import KINDS
from agent.units.setup import NOT_YET
from agent.units.unit import Kind

LOOK = 5.0
"""Seconds after which it is looked again: a change may go unnoticed, and a kill makes none."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("unit", metavar="UNIT", help="a unit, as `devcopilot status` names it")
    parser.add_argument("-f", "--follow", action="store_true",
                        help="follow the log until the unit's work is over")  # fmt: skip
    parser.add_argument("--previous", action="store_true", help="the run before the last one")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print it; exit 1 where there is none."""
    current = context.load()
    path = find_path(current.facts, arguments.unit)
    if arguments.previous:
        path = Path(f"{path}.1")
    if not is_there(path) and not (arguments.follow and may_come(arguments.unit, current)):
        raise AgentError(explain_missing(arguments.unit, current))
    if not arguments.follow:
        say(read(path), printer)
        return Exit.OK
    with printer.watch("") as bar:
        show = partial(show_progress, bar)
        say(follow(path, arguments.unit, current, show, printer.note), printer)
    return Exit.OK


def is_there(path: Path) -> bool:
    """Tell whether there is such a log; of a name that is too long there is none."""
    try:
        return path.exists()
    except OSError:
        return False


def say(pieces: Iterable[bytes], printer: Printer) -> None:
    """Print the lines of a log."""
    for piece in pieces:
        printer.say(*split_lines(piece.decode(errors="replace")))


def may_come(unit: str, current: Context) -> bool:
    """Tell whether a unit is there or may still come: a part does while its kind is not over."""
    if unit_record.read(current.facts, unit):
        return True
    kind = find_kind(unit)
    if not kind:
        return False
    if holders.is_held(unit_record.find_lock(current.facts, kind.name)):
        return True
    whole = unit_record.read(current.facts, kind.name)
    return kind.wanted(current.settings) and (whole is None or whole.state in UNDECIDED)


def find_kind(unit: str) -> Kind | None:
    """Return the kind of a unit; None where no unit can have this name."""
    name, colon, part = unit.partition(unit_record.SEPARATOR)
    if colon and unit != make_name(name, part):
        return None
    return next((kind for kind in KINDS if kind.name == name), None)


def explain_missing(unit: str, current: Context) -> Problem:
    """Return the problem of a unit that has no log."""
    known = unit_record.read(current.facts, unit)
    if known and known.state not in UNDECIDED:
        return Problem(f"there is no log: {describe_end(known)}", known.hint)
    if may_come(unit, current):
        return Problem(f"{unit} has no log yet", f"devcopilot log -f {unit}")
    if unit in {kind.name for kind in KINDS}:
        return Problem(f"there is no log: {unit} is not asked for")
    logs = sorted(path.stem for path in (current.facts.runtime / FOLDER).glob("*.log"))
    near = difflib.get_close_matches(unit, logs, 1)
    there = f"there are logs of: {', '.join(logs)}" if logs else "no unit has run yet"
    return Problem(f"there is no unit {unit}", f"did you mean {near[0]}?" if near else there)


def read(path: Path) -> Iterator[bytes]:
    """Yield a log. Raises AgentError when it cannot be read."""
    try:
        yield read_file(path, STATE)
    except OSError as error:
        raise AgentError(Problem(f"cannot read {path}: {error.strerror}")) from error


def follow(
    path: Path,
    unit: str,
    current: Context,
    show: Callable[[Record], None],
    note: Callable[[str], None],
) -> Iterator[bytes]:
    """Yield a log as it grows, until the unit's work is over; `show` gets how it stands.

    `note` gets what is waited for. Raises AgentError if there is no log, and none can come.
    """
    facts = current.facts
    changes = Changes((path.parent, facts.runtime / unit_record.FOLDER), growth=True)
    inode, place, told = 0, 0, ""
    try:
        while True:
            known = unit_record.read(facts, unit)
            over = known.state not in UNDECIDED if known else not may_come(unit, current)
            with suppress(FileNotFoundError), path.open("rb") as file:
                if os.fstat(file.fileno()).st_ino != inode:
                    inode, place = os.fstat(file.fileno()).st_ino, 0
                file.seek(place)
                lines = file.read()
                lines = lines[: lines.rfind(b"\n") + 1]
                place += len(lines)
                yield lines
            if over and not inode:
                raise AgentError(explain_missing(unit, current))
            if over:
                return
            if known and known.state is State.RUNNING:
                show(known)
            elif (words := describe_wait(unit, known)) != told:
                note(words)
                told = words
            changes.wait(LOOK)
    finally:
        changes.close()


def describe_wait(unit: str, known: Record | None) -> str:
    """Return why there is nothing to follow yet."""
    if not known:
        return f"{unit} has not started yet; waiting for it"
    return str(Problem(f"{unit} is waiting: {known.reason or NOT_YET}", known.hint))
