"""Read the GitHub tokens again or make new ones, publish them, ask GitHub whether they are good."""

import argparse
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, replace

from agent import published, runtime
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.published import Record
from agent.renewal.round import Outcome, Renewal, find_wish
from agent.renewal.shelf import CHECK, TOKEN, Shelf, with_problem, without_problems
from agent.verbs import context
from agent.verbs.context import Context
from agent.verbs.renewals import GH, make_renewals, sign_in_gh

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
        sys.stdout.write(json.dumps([asdict(record) for record in records], indent=2) + "\n")
    else:
        lines = [describe(record) for record in records] or ["no token is configured"]
        sys.stdout.write("\n".join(lines) + "\n")
    bad = any({TOKEN, CHECK} & record.problems.keys() for record in records)
    return Exit.FAILED if bad else Exit.OK


# --- one round over all hosts ------------------------------------------------------------------


def refresh(current: Context, *, offline: bool = False) -> list[Outcome]:
    """Do one round for every host. Raises OSError when the runtime folder cannot be written."""
    renewals = make_renewals(current)
    gone = [
        withdraw(host, current)
        for host in published.find_hosts(current.facts)
        if host not in renewals
    ]
    outcomes = [renewal.keep(offline=offline) for renewal in renewals.values()]
    problems = sign_in_gh(current)
    outcomes = [_note_gh(outcome, problems, current) for outcome in outcomes]
    _wish(renewals.values(), current)
    return gone + outcomes


def withdraw(host: str, current: Context) -> Outcome:
    """Take back what is published of a host that is not configured any more."""
    shelf = Shelf(host, current.facts)
    before = shelf.record()
    shelf.withdraw()
    return Outcome(before, shelf.record())


def _note_gh(outcome: Outcome, problems: Sequence[Problem], current: Context) -> Outcome:
    shelf = Shelf(outcome.after.host, current.facts)
    with shelf.locked():
        record = without_problems(shelf.record(), GH)
        if problems:
            record = with_problem(record, GH, Problem("; ".join(map(str, problems))))
        if record != shelf.record():
            shelf.save(record)
    return replace(outcome, after=record)


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
    events = list(find_events(outcome, read_said(current, outcome.before)))
    if not events:
        return
    from agent.structured import make_logger  # noqa: PLC0415 - 0.15 s; most rounds say nothing

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


def find_events(outcome: Outcome, said: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (level, message) for all that changed; `said` was logged before."""
    before, after = outcome.before, outcome.after
    if after.fingerprint != before.fingerprint:
        published_one = "published a GitHub token"
        yield "info", published_one if after.fingerprint else "there is no GitHub token any more"
    news = before.problems or not before.checked or after.source != before.source
    if after.checked and not after.problems and news:
        yield "info", "GitHub accepts the token"
    for problem in after.problems.values():
        if problem not in said:
            yield "warning", problem


def read_said(current: Context, before: Record) -> Collection[str]:
    """Return the problems that were logged before: by the last round, or by `configure`."""
    if before.refreshed:
        return before.problems.values()
    try:
        rows = json.loads(current.facts.read(current.facts.runtime / runtime.PROBLEMS) or b"[]")
        return [str(Problem(row["message"], row["hint"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return ()


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
