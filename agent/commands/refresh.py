"""Read the GitHub tokens again or make new ones, publish them, ask GitHub whether they are good."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

from agent.github import changes, published
from agent.github.hosts import find_accounts
from agent.github.published import Record
from agent.github.renewal import Outcome, Renewal, find_wish
from agent.github.renewals import make_renewals, sign_in_gh
from agent.github.store import CHECK, GH, HOST_FILE, TOKEN, Shelf
from agent.machine import runtime
from agent.machine.errors import AgentError, Problem
from agent.machine.escaping import encode_json, make_lines
from agent.machine.exits import Exit
from agent.settings import context
from agent.settings.context import Context
from agent.workspace import git

DEADLINE = 50
"""Seconds after which whatever still waits is given up; below the job's own limit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--json", action="store_true", help="print what is known as JSON")
    parser.add_argument("--offline", action="store_true", help="do not ask GitHub")
    parser.add_argument(
        "--log", action="store_true", help="only log what has changed; for the agent's own job"
    )


def run(arguments: argparse.Namespace) -> int:
    """Refresh; exit 0 when a good token is published for every configured host, else 1."""
    current = context.load()
    try:
        with context.deadline(DEADLINE):
            outcomes = refresh(current, offline=arguments.offline)
    except TimeoutError as error:
        problem = Problem(f"cannot refresh the tokens: it took longer than {DEADLINE} s")
        raise AgentError(problem) from error
    except OSError as error:
        problem = Problem(f"cannot write {error.filename}: {error.strerror}")
        raise AgentError(problem) from error
    records = [outcome.after for outcome in outcomes]
    if arguments.log:
        for outcome in outcomes:
            log_changes(outcome, current)
    elif arguments.json:
        sys.stdout.write(encode_json([asdict(record) for record in records], indent=2) + "\n")
    else:
        lines = [describe(record) for record in records] or ["no token is configured"]
        sys.stdout.write(make_lines(*lines))
    bad = any({TOKEN, CHECK, HOST_FILE} & record.problems.keys() for record in records)
    return Exit.FAILED if bad else Exit.OK


# --- one round over all hosts ------------------------------------------------------------------


def refresh(current: Context, *, offline: bool = False) -> list[Outcome]:
    """Do one round for every host. Raises OSError when the runtime folder cannot be written."""
    renewals = make_renewals(current)
    in_trouble = current.once(find_accounts).in_trouble
    known = {*renewals, *in_trouble}
    gone = [withdraw(h, current) for h in published.find_hosts(current.facts) if h not in known]
    outcomes = [renewal.keep(offline=offline) for renewal in renewals.values()]
    for host in in_trouble:
        record = Shelf(host, current.facts).record()  # what is published stays
        outcomes.append(Outcome(record, record))
    problems_of_gh = sort_problems(sign_in_gh(current), [each.after.host for each in outcomes])
    git.settle(current)
    noted = []
    for outcome in outcomes:
        host = outcome.after.host
        shelf = Shelf(host, current.facts)
        shelf.note(HOST_FILE, in_trouble.get(host))
        noted.append(replace(outcome, after=shelf.note(GH, problems_of_gh.get(host))))
    _wish(renewals.values(), current)
    return gone + noted


def sort_problems(problems: Iterable[Problem], hosts: Sequence[str]) -> dict[str, Problem]:
    """Return host -> what is wrong with gh's files; the first host has what names none."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        named = [host for host in hosts if host in problem.message.split()]
        for host in named[:1] or hosts[:1]:
            found.setdefault(host, []).append(str(problem))
    return {host: Problem("; ".join(texts)) for host, texts in found.items()}


def withdraw(host: str, current: Context) -> Outcome:
    """Take back what is published of a host that is not configured any more."""
    shelf = Shelf(host, current.facts)
    before = shelf.record()
    shelf.withdraw()
    return Outcome(before, shelf.record())


def _wish(renewals: Iterable[Renewal], current: Context) -> None:
    """Tell init when the next round is to be, if that is before the interval is over."""
    wish = find_wish(renewals, current.settings.github.refresh_interval)
    if wish is None:
        return
    folder = current.facts.runtime / runtime.JOBS
    folder.mkdir(mode=0o700, exist_ok=True)
    runtime.write_atomic(str(folder / "refresh.next"), f"{wish:.1f}\n".encode())


# --- what is said of it -------------------------------------------------------------------------


def log_changes(outcome: Outcome, current: Context) -> None:
    """Write one event for each change; a round like the one before it says nothing."""
    events = changes.take(outcome, current)
    if not events:
        return
    from agent.machine.structured import make_logger  # noqa: PLC0415 - 0.15 s; most rounds say nothing

    log = make_logger("refresh", current.settings.agent.log_level or "info")
    after = outcome.after
    known = {
        "host": after.host,
        "login": after.login,
        "kind": after.kind,
        "token_source": after.source,
        "expires": after.expires,
    }
    fields = {name: value for name, value in known.items() if value}
    for level, message in events:
        getattr(log, level)(message, **fields)


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
