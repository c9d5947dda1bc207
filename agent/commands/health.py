"""Exit with 0 only when every essential service answers its probe.

It reports failing backups, but stays healthy: a restart for them would lose what is not backed up.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from agent.backup.targets.all import has_target
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.machine.system import Facts
from agent.services import probes, registered, supervisord
from agent.services.registered import Roster
from agent.services.service import Service
from agent.settings import context
from agent.settings.context import Context

TIMEOUT, LEAST = 8.0, 1.0
"""Seconds for one look at all services, and for each of them at least; docker's own limit is 10.

A service is not dead because thousands of requests, or a busy machine, keep it from an answer.
"""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.5
"""Seconds between two rounds of `--wait`; probes of a service that starts fail at once."""
PAUSE_SHARE = 0.1
"""Of the time that has passed: no round comes much too late, and a long wait costs little."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS",
                        help="keep trying for this long, also before the agent runs")  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Probe the services; print a line for each that does not answer."""
    end = time.monotonic() + arguments.wait
    current = context.load_by(end) or context.load()
    facts = current.facts
    failures = wait_for_answers(registered.ROSTER.read(facts), facts, end)
    lines = [f"{name}: {why}" for name, why in failures.items()]
    backups = {}
    if arguments.json or not arguments.wait:  # at the start the missed ones are only being made
        backups = find_backups(current)
    document = {"healthy": not failures, "failures": failures, "backups": backups}
    printer.show(document, [*lines, *explain_backups(backups)])
    return Exit.FAILED if failures else Exit.OK


def find_backups(current: Context) -> dict[str, dict[str, object]]:
    """Return target -> how its backups stand; nothing where no target is named."""
    if not has_target(current.settings):
        return {}
    from agent.backup import status  # noqa: PLC0415 - most checks of most containers need it not

    return {row.target: asdict(row) for row in status.find_backups(current)}


def explain_backups(backups: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a line for each target that somebody should look at."""
    for name, row in backups.items():
        if row["red"]:
            yield f"backup to {name}: {row['why']}"


def wait_for_answers(known: Roster, facts: Facts, end: float) -> Mapping[str, str]:
    """Ask all until each has answered or the time is over; return why each other did not.

    `end` is a monotonic time.
    """
    state = context.read_state(facts)
    if state is None:
        return {"init": "the agent is not running here"}
    early = state.get("phase") == "starting"
    waiting = [service for service in known.services if service.essential]
    began = time.monotonic()
    while True:
        failures = find_failures(waiting, facts, early)
        now = time.monotonic()
        if not failures or now >= end:
            return {**known.refused, **failures}
        waiting = [service for service in waiting if service.name in failures]
        time.sleep(min(max(SHORTEST_PAUSE, (now - began) * PAUSE_SHARE), LONGEST_PAUSE))


def find_failures(services: Sequence[Service], facts: Facts, early: bool = False) -> dict[str, str]:
    """Return the name of each service that does not answer, and why.

    One without a probe answers when supervisord has seen it run for a while. `early`: the workspace
    is not ready yet; more is asked, but no login is tried, which would delay it.
    """
    found = {}
    end = time.monotonic() + TIMEOUT
    for service in services:
        for probe in (service.probe, service.first if early else None):
            if probe and (
                why := probes.check(probe, find_rest(end), facts.user_environ, thorough=not early)
            ):
                found[service.name] = why
                break
    silent = [service.name for service in services if not service.probe]
    return found | (find_not_running(silent, facts, find_rest(end)) if silent else {})


def find_rest(end: float) -> float:
    """Return the seconds that the next question may take."""
    return max(LEAST, round(end - time.monotonic(), 1))


def find_not_running(names: Sequence[str], facts: Facts, seconds: float) -> dict[str, str]:
    """Return which of these services do not run, and what supervisord says of each."""
    try:
        states = supervisord.query_states(facts.runtime, seconds)
    except OSError as error:
        return dict.fromkeys(names, f"supervisord does not answer: {error.strerror or error}")
    found = {name: states[name].state if name in states else "not known" for name in names}
    return {
        name: f"supervisord reports that it is {state}"
        for name, state in found.items()
        if state != supervisord.RUNNING
    }
