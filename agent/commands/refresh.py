"""Read the GitHub tokens again or get new ones, publish them, and check them with GitHub."""

import argparse
from contextlib import suppress
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.github.record import Record
from agent.github.refresh import log_changes
from agent.machine.deadline import refusal_after
from agent.machine.light.exits import Exit
from agent.observe.metrics import history
from agent.settings import context
from agent.settings.context import Context
from agent.workspace.refresh import refresh

DEADLINE = 50
"""Seconds after which whatever still waits is given up; below the job's own limit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_json_option(parser)
    parser.add_argument("--offline", action="store_true", help="do not ask GitHub")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Refresh; exit 0 when a good token is published for every configured host, else 1."""
    current = context.load()
    with refusal_after(DEADLINE, "refresh the tokens", hint=""):
        outcomes = refresh(current, offline=arguments.offline)
    records = [outcome.after for outcome in outcomes]
    if printer.is_log:
        for outcome in outcomes:
            log_changes(outcome, current)
        keep_sample(current)
    else:
        lines = [describe(record) for record in records] or ["no token is configured"]
        printer.show([asdict(record) for record in records], lines)
    return Exit.FAILED if any(record.is_bad for record in records) else Exit.OK


def keep_sample(current: Context) -> None:
    """Note what the workspace uses now: this job runs in every one, every few minutes.

    It comes last: a server of files that is gone lets it wait, and no token may.
    """
    workspace, home = current.settings.workspace.folder, current.facts.home
    with suppress(OSError):  # the day has a gap
        history.note(str(current.facts.runtime), str(workspace), str(home))


def describe(record: Record) -> str:
    """Return what is known as one line for a person."""
    if record.problem:
        return f"{record.host}: {record.problem}"
    if not record.fingerprint:
        return f"{record.host}: no token is configured"
    words = [f"{record.host}: the token of {record.login or 'no user'}, from {record.source}"]
    words.append(f"good at {record.checked}" if record.checked else "not checked yet")
    if record.expires:
        words.append(f"expires {record.expires}")
    return ", ".join(words)
