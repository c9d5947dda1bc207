"""Whether each service runs and answers, and whether it was started again meanwhile."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from agent.machine.light.clock import parse_time, timestamp
from agent.machine.light.human import format_moment
from agent.machine.system import Facts
from agent.services import probes, registered, supervisord
from agent.services.service import Service
from agent.services.supervisord import RUNNING, STARTING, ServiceState
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context, read_state

TIMEOUT = 6.0
"""Seconds that a probe has: a login takes two on a busy machine."""
LATE = 60.0
"""Seconds after the workspace was ready, from which on a start of a service is not its first."""


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each service."""
    facts = current.facts
    state = read_state(facts)
    if state is None:
        summary = "the agent does not run here, so none of its services do"
        yield Finding(Result.UNKNOWN, summary, "`devcopilot run` starts it")
        return
    roster = registered.ROSTER.read(facts)
    for name, why in roster.refused.items():
        fix = f"devcopilot explain {name}"
        yield Finding(Result.FAIL, f"{name} cannot run: {why}", fix, part=name)
    try:
        states = supervisord.query_states(facts.runtime)
    except OSError as error:
        cause = error.strerror or str(error)
        summary = f"supervisord does not answer: {cause}"
        fix = "restart the container"
        if roster.services:
            yield Finding(Result.FAIL, summary, fix)
        return
    ready = find_ready(state)
    for service in roster.services:
        yield judge(service, states, ready, facts)


def find_ready(state: Mapping[str, object]) -> datetime | None:
    """Return when the workspace was ready; None: it is not yet, or nobody knows."""
    started, seconds = parse_time(str(state.get("started"))), state.get("ready_seconds")
    if started is None or not isinstance(seconds, int | float):
        return None
    return parse_time(timestamp(started.timestamp() + seconds))


def judge(
    service: Service, states: Mapping[str, ServiceState], ready: datetime | None, facts: Facts
) -> Finding:
    """Return how one service stands. `ready`: when all of them had been started."""
    name, found = service.name, states.get(service.name)
    fix = f"devcopilot explain {name}"
    if found is None:
        return Finding(Result.FAIL, f"supervisord does not know {name}", fix, part=name)
    known = {"state": found.state, "pid": found.pid}
    if found.state not in (RUNNING, STARTING):
        summary = f"{name} does not run ({found.state}): {found.description}"
        return Finding(Result.FAIL, summary, fix, known, name)
    silent = service.probe and probes.check(service.probe, TIMEOUT, facts.user_environ)
    if silent:
        result = Result.FAIL if found.state == RUNNING else Result.UNKNOWN
        return Finding(result, f"{name} runs and does not answer: {silent}", fix, known, name)
    if ready and found.started and found.started - ready.timestamp() > LATE:
        moment = parse_time(timestamp(found.started))
        when = format_moment(moment) if moment else ""
        summary = f"{name} runs, but was started again at {when}"
        why = "look for why it ended in the log of the container or on the workspace page"
        return Finding(Result.WARN, summary, why, known, name)
    words = "runs and answers" if service.probe else "runs"
    return Finding(Result.OK, f"{name} {words}", facts=known, part=name)


CHECK = Check(
    "service-state", "Services", "whether each service runs and answers, and was started only once",
    look, documents="docs/settings.md",
)  # fmt: skip
