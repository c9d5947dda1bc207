"""What has changed about a host's token: each change is logged once, whoever notices it."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from agent.github.record import Record
from agent.github.renewal import Outcome
from agent.github.store import Store
from agent.machine.errors import Problem
from agent.settings.context import PROBLEMS, Context

Event = tuple[str, str]
"""The level and the message."""


def take(outcome: Outcome, current: Context) -> list[Event]:
    """Return what is to be logged of this round. From now on it counts as logged."""
    store = Store(outcome.after.host, current.facts)
    with store.locked():
        record = store.record()
        said = read_said(current, record)
        lines = tuple(record.problems.values())
        if lines != record.said and record != Record(store.host):
            store.save(replace(record, said=lines))
    return list(find_events(outcome, said))


def find_events(outcome: Outcome, said: Collection[str]) -> Iterator[Event]:
    """Yield all that changed; `said` are the problems that were logged."""
    before, after = outcome.before, outcome.after
    if after.fingerprint != before.fingerprint:
        published_one = "published a GitHub token"
        yield "info", published_one if after.fingerprint else "the GitHub token is gone"
    is_news = before.problems or said or not before.checked or after.source != before.source
    if after.checked and not after.problems and is_news:
        yield "info", "GitHub accepts the token"
    for problem in after.problems.values():
        if problem not in said:
            yield "warning", problem


def read_said(current: Context, record: Record) -> Collection[str]:
    """Return the problems that were logged: by a round, or before all rounds by `configure`."""
    if record.said is not None:
        return record.said
    rows = PROBLEMS.read(current.facts)
    return [str(Problem(row["message"], row["hint"])) for row in rows]
