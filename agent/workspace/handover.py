"""What `configure` leaves for init: the services, the jobs, the boot file."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.boot_file import Boot
from agent.machine.planning.resources import File, Resource
from agent.services import registered, supervisord
from agent.services.all import find_refused, find_services
from agent.services.registered import Roster
from agent.settings.context import Context
from agent.workspace.jobs import find_jobs


def resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield the files that init and supervisord start from."""
    settings, facts = current.settings, current.facts
    services, problems = find_services(current)
    yield from problems
    roster = registered.ROSTER.encode(_find_roster(current))
    yield File(registered.ROSTER.path(facts), roster, 0o600, adopt=True)
    yield from supervisord.resources(services, facts, settings.agent.stop_timeout)
    boot = Boot(
        environment=facts.environ,
        log_format=settings.agent.log_format,
        log_level=settings.agent.log_level,
        streams=tuple(service.name for service in services),
        supervisord=supervisord.command(facts) if services else (),
        essential=tuple(service.name for service in services if service.essential),
        jobs=find_jobs(current),
        stop_timeout=settings.agent.stop_timeout,
        ready_address=str(settings.serving.ready_address or ""),
    )
    yield File(facts.runtime / runtime.BOOT, boot.encode(), 0o600, adopt=True)


def compare_services(current: Context) -> Iterator[Problem]:
    """Tell of changed services, which a running container does not take."""
    yield from find_services(current)[1]
    if _find_roster(current) != registered.ROSTER.read(current.facts):
        yield Problem(
            "the services have changed since the container started",
            "restart the container to apply the change",
            level="info",
        )


def _find_roster(current: Context) -> Roster:
    services, _ = find_services(current)
    return Roster(tuple(services), find_refused(current))
