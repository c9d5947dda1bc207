"""Print the log of a unit's last run."""

import argparse
import difflib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from agent.commands.output import Printer
from agent.commands.unit_reports import show_progress
from agent.machine import unit_record
from agent.machine.errors import AgentError, Problem
from agent.machine.exits import Exit
from agent.machine.files import STATE, read_file
from agent.machine.inotify import Changes
from agent.machine.lines import split_lines
from agent.machine.system import Facts
from agent.machine.unit_log import FOLDER, find_path
from agent.machine.unit_record import Record, State
from agent.settings import context
from agent.units.all import KINDS

LOOK = 5.0
"""Seconds after which it is looked again, should a change go unnoticed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("unit", metavar="UNIT", help="a unit, as `devcopilot status` names it")
    parser.add_argument("-f", "--follow", action="store_true",
                        help="go on until the unit's work is over")  # fmt: skip
    parser.add_argument("--previous", action="store_true", help="the run before the last one")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print it; exit 1 where there is none."""
    facts = context.load().facts
    path = find_path(facts, arguments.unit)
    if arguments.previous:
        path = Path(f"{path}.1")
    if not path.exists() and not (arguments.follow and is_known(arguments.unit)):
        raise AgentError(explain_missing(arguments.unit, facts))
    if not arguments.follow:
        say(read(path), printer)
        return Exit.OK
    with printer.watch("") as bar:
        say(follow(path, arguments.unit, facts, partial(show_progress, bar)), printer)
    return Exit.OK


def say(pieces: Iterable[bytes], printer: Printer) -> None:
    """Print the lines of a log."""
    for piece in pieces:
        printer.say(*split_lines(piece.decode(errors="replace")))


def is_known(unit: str) -> bool:
    """Tell whether a unit of this name may still come."""
    return unit.partition(unit_record.SEPARATOR)[0] in {kind.name for kind in KINDS}


def explain_missing(unit: str, facts: Facts) -> Problem:
    """Return the problem of a unit that has no log."""
    logs = sorted(path.stem for path in (facts.runtime / FOLDER).glob("*.log"))
    if unit_record.read(facts, unit) or is_known(unit):
        return Problem(f"{unit} has no log yet", f"devcopilot log -f {unit}")
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
    path: Path, unit: str, facts: Facts, show: Callable[[Record], None] = lambda _: None
) -> Iterator[bytes]:
    """Yield a log as it grows, until the unit's work is over; `show` gets how it stands."""
    changes = Changes((path.parent, facts.runtime / unit_record.FOLDER), growth=True)
    inode, place = 0, 0
    try:
        while True:
            known = unit_record.read(facts, unit)
            over = known is not None and known.state not in (State.WAITING, State.RUNNING)
            with suppress(FileNotFoundError), path.open("rb") as file:
                if os.fstat(file.fileno()).st_ino != inode:
                    inode, place = os.fstat(file.fileno()).st_ino, 0
                file.seek(place)
                lines = file.read()
                lines = lines[: lines.rfind(b"\n") + 1]
                place += len(lines)
                yield lines
            if over:
                return
            if known and known.state is State.RUNNING:
                show(known)
            changes.wait(LOOK)
    finally:
        changes.close()
