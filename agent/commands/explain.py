"""Explain why a service does not run or answer; the log gets the same when one is given up."""

import argparse
import contextlib
import os
import shutil
from pathlib import Path

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.light.proc import read_stat
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.services import probes, registered, supervisord
from agent.services.all import find_services
from agent.services.launchers import find_mark
from agent.services.registered import Roster
from agent.services.service import BannerProbe, HttpProbe, PortProbe, Service
from agent.services.status import read_restarts
from agent.services.supervisord import ServiceState
from agent.settings import context
from agent.settings.context import Context

OUTPUT = "its output is in the log of the container and on the workspace page"
TIMEOUT = 4.0
"""Seconds that a service has to answer: less than the job of init has."""
NUMBER = regex(r"(?:(?<![\w.])|(?<=^-[a-zA-Z]))\d{2,5}(?![\w.])")
"""What may be a port in the words of a command: 8000, 0.0.0.0:8000, --port=8000, -p8000."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("service", nargs="+", help="name of a service")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print what can be found out: a document, or an event of the log, readable on a terminal."""
    current = context.load()
    roster = registered.ROSTER.read(current.facts)
    known = {service.name: service for service in roster.services}
    for name in arguments.service:
        if name not in known:
            raise AgentError(explain_unknown(name, roster, current))
    states = find_states(current.facts)
    found = {
        name: explain(known[name], states.get(name), current.facts) for name in arguments.service
    }
    if arguments.json:
        reasons = {name: trouble and trouble.reason for name, trouble in found.items()}
        printer.show({"reasons": reasons}, ())
        return Exit.OK
    log = printer.open_log("explain")
    for name, trouble in found.items():
        if trouble is None:
            printer.say(f"{name} is running")
        elif trouble.runs:
            printer.say(f"{name}: {trouble.reason} ({OUTPUT})")
        else:
            log.error(f"{name} cannot be kept running: {trouble.reason}", service=name)
    return Exit.OK


def explain_unknown(name: str, roster: Roster, current: Context) -> Problem:
    """Return why this container was started without such a service."""
    if name in roster.refused:
        return Problem(f"{name} cannot run: {roster.refused[name]}")
    services, problems = find_services(current)
    if name in (service.name for service in services):
        return Problem(f"{name} was added after this container started", "restart the container")
    for problem in problems:
        if f"/{name}.toml" in problem.message:
            return problem
    known = ", ".join(service.name for service in roster.services)
    return Problem(f"there is no service {name}", f"there are: {known}")


def find_states(facts: Facts) -> dict[str, ServiceState]:
    """Return the states that supervisord tells; none where it does not answer."""
    try:
        return supervisord.query_states(facts.runtime)
    except OSError:
        return {}


@frozen
class Trouble:
    """What is wrong with a service."""

    reason: str
    runs: bool
    """Whether it has a process now: what it has left behind, or its port, is then its own."""


def explain(service: Service, state: ServiceState | None, facts: Facts) -> Trouble | None:
    """Return why a service does not run or answer; None: it does both."""
    found = probes.find_state(service, state, facts) if state else ""
    if found not in (supervisord.RUNNING, supervisord.STARTING):
        return Trouble(find_reason(service, facts), runs=False)
    silent = service.probe and probes.check(service.probe, TIMEOUT, facts.user_environ)
    if found == supervisord.RUNNING:
        return Trouble(f"it runs and does not answer: {silent}", runs=True) if silent else None
    again = read_restarts(facts).get(service.name, 0)
    words = f"it has ended {again} times, and is starting again" if again else "it is starting"
    waited = silent or f"it counts as running after {supervisord.START_SECONDS} s"
    return Trouble(f"{words}: {waited}", runs=True)


def find_reason(service: Service, facts: Facts) -> str:
    """Return the most likely reason why a service ends as soon as it is started."""
    folder, program = service.directory, service.argv[0]
    if folder and not folder.is_dir():
        return f"there is no folder {folder}"
    if find_program(service, facts) is None:
        return f"there is no program {program}" + (
            f" in {folder}" if folder and "/" in program else ""
        )
    if isinstance(service.probe, HttpProbe | BannerProbe | PortProbe):
        owner = probes.find_port_owner(service.probe.port)
        if owner:
            return f"{service.probe.port} is held by {owner}"
    held = find_held(service, facts)
    if held:
        return held
    left = find_left(service)
    if left:
        return f"it exits and leaves {left} in the background; it must stay in the foreground"
    return "it exits; its last output is above"


def find_held(service: Service, facts: Facts) -> str | None:
    """Return who holds a port that the words of a service name, as far as one can tell."""
    owners = probes.find_port_owners()
    environment = {"PORT": facts.user_environ.get("PORT", ""), **service.environment}
    words = (*service.argv, *environment.values())
    named = (int(number) for word in words for number in NUMBER.findall(word))
    return next((f"{port} is held by {owners[port]}" for port in named if port in owners), None)


def find_left(service: Service) -> str | None:
    """Return a process that the service has left behind, as "NAME (process PID)", or None."""
    mark = find_mark(service).encode()
    for path in sorted(Path("/proc").glob("[0-9]*")) if mark else ():
        with contextlib.suppress(OSError):  # it has gone, or is of somebody else
            if mark in read_file(path / "environ", SETTINGS).split(b"\0"):
                return f"{read_stat(path)[0]} (process {path.name})"
    return None


def find_program(service: Service, facts: Facts) -> str | None:
    """Return the path of a service's program, looked up as its launcher does, or None."""
    folder, program = service.directory or Path.cwd(), service.argv[0]
    path = service.environment.get("PATH", facts.environ.get("PATH", os.defpath))
    return shutil.which(folder / program if "/" in program else program, path=path)
