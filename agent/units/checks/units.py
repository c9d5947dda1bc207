"""Whether all that was to be done for the project is done: clones, hooks, extensions."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from agent.machine.light.clock import parse_time
from agent.machine.light.human import format_duration
from agent.machine.records import unit_record
from agent.machine.records.unit_record import BAD, UNDECIDED, Record, State
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

LONG = timedelta(minutes=30)
"""Time after which somebody may want to know that a unit is still at work."""


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each unit that is not done, and one for all that are."""
    units, now = list(unit_record.list_all(current.facts)), current.facts.clock.now()
    for unit in units:
        if unit.state in BAD or unit.state in UNDECIDED:
            yield judge(unit, now)
    done = [unit.name for unit in units if unit.state is State.DONE]
    if done:
        yield Finding(Result.OK, f"done: {', '.join(done)}")


def judge(unit: Record, now: datetime) -> Finding:
    """Return how a unit stands that is not done."""
    facts = {"state": str(unit.state), "since": unit.since, "exit": unit.exit}
    log = f"devcopilot log {unit.name}"
    if unit.state in BAD:
        word = "timed out" if unit.state is State.TIMEOUT else "failed"
        summary = f"{unit.name} {word}: {unit.reason or 'it gave no reason'}"
        fix = unit.hint or f"{log}, then: devcopilot rerun {unit.name}"
        return Finding(Result.FAIL, summary, fix, facts, unit.name)
    since = parse_time(unit.since)
    age = now - since if since else timedelta()
    for_how_long = f" for {format_duration(age.total_seconds())}" if since else ""
    reason = f": {unit.reason}" if unit.reason else ""
    summary = f"{unit.name} is {unit.state}{for_how_long}{reason}"
    if age > LONG:
        return Finding(Result.WARN, summary, unit.hint or log, facts, unit.name)
    return Finding(Result.OK, summary, unit.hint, facts, unit.name)


CHECK = Check(
    "units", "Repositories", "whether the clones, hooks, dotfiles and extensions are done", look,
    documents="docs/workspace.md",
)  # fmt: skip
