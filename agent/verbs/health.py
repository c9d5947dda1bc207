"""Exit with 0 only when every essential service answers its probe."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping

from agent import catalogue, probes
from agent.exits import Exit
from agent.values import Service
from agent.verbs import context

PROBE_TIMEOUT = 3.0
"""Seconds that one probe may take; docker's own limit for the check is 5."""
RETRY_PAUSE = 0.02
"""Seconds between two rounds of `--wait`; probes of a service that starts fail at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS",
                        help="try again for this long")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Probe the services; print a line for each that does not answer."""
    current = context.load()
    services, _ = catalogue.services(current.settings, current.facts)
    essential = [service for service in services if service.essential]
    failures = wait_for_answers(essential, arguments.wait)
    if arguments.json:
        document = {"healthy": not failures, "failures": failures}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {why}\n" for name, why in failures.items())
    return Exit.FAILED if failures else Exit.OK


def wait_for_answers(services: list[Service], seconds: float) -> Mapping[str, str]:
    """Probe all until each has answered or the time is over; return why each other did not."""
    deadline = time.monotonic() + seconds
    while True:
        failures = find_failures(services)
        if not failures or time.monotonic() >= deadline:
            return failures
        services = [service for service in services if service.name in failures]
        time.sleep(RETRY_PAUSE)


def find_failures(
    services: list[Service], check: Callable[..., str | None] = probes.check
) -> dict[str, str]:
    """Return the name of each service that does not answer, and why; one without probe does."""
    found = {}
    for service in services:
        if service.probe and (why := check(service.probe, PROBE_TIMEOUT)):
            found[service.name] = why
    return found
