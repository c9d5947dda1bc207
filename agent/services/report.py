"""How the services are, in few words: for `status` and whatever else tells of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.machine.clock import timestamp
from agent.machine.system import Facts
from agent.services import registered, supervisord
from agent.services.probes import find_state
from agent.services.service import Service


@dataclass(frozen=True)
class Row:
    """One service."""

    name: str
    state: str
    """supervisord's word in capitals, or a sentence of ours that says what is wrong."""
    supervisord: str | None
    """supervisord's own word; None: it does not answer, or does not know the service."""
    pid: int
    """0: it does not run."""
    since: str | None
    """When it was started: RFC 3339, in UTC."""
    essential: bool
    """Whether the container ends with it."""
    probe_port: int | None


def find_services(facts: Facts) -> list[Row]:
    """Return a row for each service of this life of the container."""
    return describe(registered.ROSTER.read(facts).services, facts)


def describe(services: Sequence[Service], facts: Facts) -> list[Row]:
    """Return a row for each of the services: supervisord is asked."""
    unknown, states = "not running", {}
    try:
        states = supervisord.query_states(facts.runtime)
    except OSError as error:
        unknown = f"unknown: supervisord does not answer ({error.strerror or error})"
    return [_describe(service, states.get(service.name), unknown, facts) for service in services]


def _describe(
    service: Service, found: supervisord.ServiceState | None, unknown: str, facts: Facts
) -> Row:
    return Row(
        name=service.name,
        state=find_state(service, found, facts) if found else unknown,
        supervisord=found.state if found else None,
        pid=found.pid if found else 0,
        since=timestamp(found.started, digits=0) if found and found.started else None,
        essential=service.essential,
        probe_port=getattr(service.probe, "port", None),
    )
