"""List which programs were given the GitHub token, the latest last."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.commands.options import add_json_option, reader
from agent.commands.output import Printer
from agent.github import audit
from agent.github.audit import Entry
from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import format_time, read_time
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.settings.parsers import any_duration

HEAD = ("TIME", "PROGRAM", "PID", "BY", "HOST", "REPOSITORY", "THROUGH")
OUTSIDE = "outside the container"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--host", type=reader("host_name"), help="only tokens of this GitHub host")
    parser.add_argument(
        "--since", metavar="TIME", type=read_since, help="a duration such as 2h, or RFC 3339 time"
    )
    add_json_option(parser)


def read_since(text: str) -> datetime:
    """Return the moment that is meant: so long ago, or a time. Raises ArgumentTypeError."""
    try:
        return datetime.now(UTC) - timedelta(seconds=any_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        return read_time(text)
    except ValueError:
        wanted = "a duration such as 2h, or a time such as 2026-12-01T10:00:00Z"
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}") from None


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print a row for each answer."""
    facts = context.load().facts
    try:
        found = audit.read(facts)
    except OSError as error:
        raise AgentError(Problem(f"cannot read {error.filename}: {error.strerror}")) from error
    rows = [describe(entry) for entry in choose(found, arguments.host, arguments.since)]
    printer.show_table(rows, HEAD, map(make_cells, rows), "no tokens were given out")
    return Exit.OK


def choose(found: Iterable[Entry], host: str | None, since: datetime | None) -> list[Entry]:
    """Return the entries of a host, from a moment on."""
    return [
        entry
        for entry in found
        if (not host or host in entry.hosts) and (not since or entry.time >= since)
    ]


def describe(entry: Entry) -> dict[str, Any]:
    """Return the row of an answer."""
    return {**asdict(entry), "time": format_time(entry.time)}


def make_cells(row: dict[str, Any]) -> Sequence[str]:
    """Return a row as people read it."""
    moment = read_time(row["time"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    program, pid, callers = row["program"], row["pid"], row["through"]
    if not program and callers:  # whoever started the outermost shell is outside the container
        program, pid = callers[-1]["program"], callers[-1]["pid"]
        callers = callers[:-1]
    return (
        moment,
        program or OUTSIDE,
        str(pid or "-"),
        row["way"],
        " ".join(row["hosts"]),
        row["repository"] or "-",
        " < ".join(caller["program"] for caller in callers) or "-",
    )
