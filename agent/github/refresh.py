"""One round over all hosts, and what the log gets of it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.github import changes, gh, published
from agent.github.hosts import find_accounts
from agent.github.record import GH, HOST_FILE
from agent.github.renewal import Outcome, find_next_run, make_renewals
from agent.github.store import Store
from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.structured import StructuredLogger
from agent.settings.context import Context

JOB = "refresh"


def refresh(current: Context, *, offline: bool = False) -> list[Outcome]:
    """Do one round for every host. Raises OSError when the runtime folder cannot be written."""
    renewals = make_renewals(current)
    in_trouble = current.once(find_accounts).in_trouble
    known = {*renewals, *in_trouble}
    gone = [withdraw(h, current) for h in published.find_hosts(current.facts) if h not in known]
    outcomes = [renewal.keep(offline=offline) for renewal in renewals.values()]
    for host in in_trouble:
        record = Store(host, current.facts).record()  # what is published stays
        outcomes.append(Outcome(record, record))
    problems_of_gh = sort_problems(gh.sign_in(current), [each.after.host for each in outcomes])
    noted = []
    for outcome in outcomes:
        host = outcome.after.host
        store = Store(host, current.facts)
        store.note(HOST_FILE, in_trouble.get(host))
        noted.append(replace(outcome, after=store.note(GH, problems_of_gh.get(host))))
    pause = find_next_run(renewals.values(), current.settings.github.refresh_interval)
    if pause is not None:
        runtime.write_next_run(str(current.facts.runtime), JOB, pause)
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
    store = Store(host, current.facts)
    before = store.record()
    store.withdraw()
    return Outcome(before, store.record())


def log_changes(outcome: Outcome, current: Context) -> None:
    """Write one event for each change; a round like the one before it says nothing."""
    events = changes.take(outcome, current)
    if not events:
        return
    log = StructuredLogger("refresh", current.settings.agent.log_level or "info")
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
        log.log(level, message, **fields)
