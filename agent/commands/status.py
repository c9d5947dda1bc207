"""Tell how the workspace is: its phase, services, GitHub token, AI tools, backups, problems."""

import argparse

from agent.backup import report as backup
from agent.commands.layout import Page
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.github import report as github
from agent.machine.clock import parse_time
from agent.machine.deadline import deadline
from agent.machine.errors import AgentError, Problem
from agent.machine.exits import Exit
from agent.machine.human import find_left, format_age, format_duration, format_size, format_wait
from agent.machine.unit_record import Record, State, find_open
from agent.observe.report import record as reports
from agent.observe.status import Status, collect, make_document
from agent.settings import context
from agent.tools import rows

DEADLINE = 15.0
"""Seconds for all of it: a file of the home may be on a server that is gone."""
NO_TOKEN = "no token configured; set GITHUB_TOKEN_FILE, or run: devcopilot login"  # noqa: S105 - words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_json_option(parser)


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the status; exit 0 whatever it says: `health` is the verb that judges."""
    try:
        with deadline(DEADLINE):
            status = collect(context.load())
    except TimeoutError as error:
        problem = Problem(
            f"cannot show the status: it took longer than {DEADLINE:g} s",
            "check /proc/mounts for a network file system whose server is gone",
        )
        raise AgentError(problem) from error
    printer.show(make_document(status), format_lines(status), lambda: make_page(status))
    return Exit.OK


def make_page(status: Status) -> Page:
    """Return what a terminal shows."""
    from agent.commands import status_page  # noqa: PLC0415 - 20 ms that a pipe is spared

    return status_page.make_page(status)


def format_lines(status: Status) -> list[str]:
    """Return the status for a person, a line each."""
    ready = status.ready_seconds
    lines = [f"phase     {status.phase}" + (f", ready after {ready:g} s" if ready else "")]
    lines += [f"service   {row.name}: {row.state}"
              + (f", pid {row.pid}" if row.pid else "")
              + (f", port {row.probe_port}" if row.probe_port else "")
              for row in status.services]  # fmt: skip
    tokens = [_describe_token(token) for token in status.tokens]
    lines += [f"token     {words}" for words in tokens or [NO_TOKEN]]
    lines += [f"unit      {row.name}: {_describe_unit(row)}"
              for row in rows.leave_out(find_open(status.units))]  # fmt: skip
    lines += [f"tool      {row.name}: {_describe_tool(row)}" for row in status.tools]
    lines += [f"backup    {row.target}: {_describe_backup(row)}" for row in status.backups]
    lines += [f"page      {status.page}"] if status.page else []
    lines += [f"report    {describe_report(status.report)}"] if status.report else []
    for row in status.problems:
        lines.append(f"problem   {row}")
    return lines


def _describe_token(token: github.Row) -> str:
    text = f"{token.host}: "
    if token.published:
        text += f"{token.login or 'no user'}, {token.kind or 'unknown'} token"
        text += f" from {token.source}"
        text += f", permissions: {token.grants}" if token.grants else ""
        if expires := parse_time(token.expires):
            left = find_left(expires)
            text += f", ends in {format_duration(left)}" if left > 0 else ", expired"
        text += f", checked {token.checked}" if token.checked else ", not checked yet"
    else:
        text += "no token yet"
    return text + (f"; {token.problem}" if token.problem else "")


def _describe_unit(row: Record) -> str:
    text = str(row.state)
    text += f", {row.progress} %" if row.progress is not None else ""
    if row.state == State.RUNNING and (since := parse_time(row.since)):
        text += f", for {format_duration(-find_left(since))}"
    text += f": {row.reason}" if row.reason else ""
    return text + (f" ({row.hint})" if row.hint else "")


def _describe_tool(row: rows.Row) -> str:
    text = str(row.state)
    text += f", {row.program}" if row.program else ""
    text += f", {row.package}" if row.package else ""
    return text + (f"; {row.problem}" if row.problem else "")


def describe_report(row: reports.Row) -> str:
    """Return how the reports to the control plane stand."""
    accepted, due = parse_time(row.accepted or ""), parse_time(row.next or "")
    text = f"{row.url}: "
    text += f"accepted {format_age(accepted)}" if accepted else "none accepted yet"
    if row.problem:
        text += f"; {row.problem}"
    if row.refused:
        return f"{text}; not sent again until something changes"
    return text + (f"; the next {format_wait(due)}" if due else "")


def _describe_backup(row: backup.Row) -> str:
    seen = parse_time(row.seen)
    text = "no backup yet"
    if seen:
        text = f"{format_age(seen)}, {row.files:,} files, {format_size(row.size)}"
    next_one = parse_time(row.next)
    if row.missing:
        text += f"; it lacks {row.lacking} files, such as {row.missing[0]}"
    if row.overdue:
        text += f"; overdue since {row.next}"
    elif next_one:
        text += f"; the next {format_wait(next_one)}"
    return "; ".join(filter(None, (text, *row.faults)))
