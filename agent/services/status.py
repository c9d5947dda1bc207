"""How the services are, in few words: for `status` and whatever else tells of them."""

from collections.abc import Mapping, Sequence

from agent.machine.light.clock import timestamp
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.services import registered, supervisord
from agent.services.probes import find_state
from agent.services.service import Service
from agent.services.supervisord import ServiceState
from agent.settings import context
from agent.settings.context import Context


@frozen
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
    restarts: int
    """How often it was started again in this life of the container."""


def find_services(current: Context) -> list[Row]:
    """Return a row for each service of this life of the container."""
    return describe(registered.ROSTER.read(current.facts).services, current)


def describe(services: Sequence[Service], current: Context) -> list[Row]:
    """Return a row for each of the services: supervisord is asked."""
    unknown, states = "not running", current.once(ask_supervisord)
    if isinstance(states, OSError):
        unknown = f"unknown: supervisord does not answer ({states.strerror or states})"
        states = {}
    restarts = read_restarts(current.facts)
    return [
        _describe(each, states.get(each.name), unknown, restarts.get(each.name, 0), current.facts)
        for each in services
    ]


def ask_supervisord(current: Context) -> Mapping[str, ServiceState] | OSError:
    """Return what supervisord says of its services, or why it does not.

    For `Context.once`: an answer needs it in several places, and it takes its time.
    """
    try:
        return supervisord.query_states(current.facts.runtime)
    except OSError as error:
        return error


def read_restarts(facts: Facts) -> dict[str, int]:
    """Return how often init saw each service started again."""
    found = context.INIT.read(facts).get("restarts")
    rows = found.items() if isinstance(found, dict) else ()
    return {name: count for name, count in rows if type(count) is int}


def _describe(
    service: Service,
    found: supervisord.ServiceState | None,
    unknown: str,
    restarts: int,
    facts: Facts,
) -> Row:
    return Row(
        name=service.name,
        state=find_state(service, found, facts) if found else unknown,
        supervisord=found.state if found else None,
        pid=found.pid if found else 0,
        since=timestamp(found.started, digits=0) if found and found.started else None,
        essential=service.essential,
        probe_port=getattr(service.probe, "port", None),
        restarts=restarts,
    )
