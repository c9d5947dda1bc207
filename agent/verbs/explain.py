"""Tell why a service does not run: for the log, when it is given up, and for people."""

import argparse
import sys

from agent import probes, roster
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.log import Logger
from agent.plan import BannerProbe, HttpProbe, PortProbe, Service
from agent.system import Facts
from agent.verbs import context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("service", nargs="+", help="name of a service")


def run(arguments: argparse.Namespace) -> int:
    """Print what can be found out: readable on a terminal, an event of the log elsewhere."""
    current = context.load()
    known = {service.name: service for service in roster.read(current.facts.runtime).services}
    for name in arguments.service:
        if name not in known:
            raise AgentError(
                Problem(f"there is no service {name}", f"there are: {', '.join(known)}")
            )
    log = Logger("explain", readable=sys.stderr.isatty())
    for name in arguments.service:
        reason = find_reason(known[name], current.facts)
        log.error(f"{name} cannot be kept running: {reason}", service=name)
    return Exit.OK


def find_reason(service: Service, facts: Facts) -> str:
    """Return the most likely reason why a service ends as soon as it is started."""
    program = service.argv[0]
    if facts.which(program) is None:
        return f"there is no program {program}"
    if isinstance(service.probe, HttpProbe | BannerProbe | PortProbe):
        owner = probes.find_port_owner(service.probe.port)
        if owner:
            return f"{service.probe.port} is held by {owner}"
    return "it ends by itself; its last words are above"
