"""The services, in one visible tuple. To add one, write one file and add one name."""

from agent.machine.errors import Problem
from agent.services import code_server, sshd, user
from agent.services.service import Service
from agent.settings.context import Context

SERVICES = (sshd.SERVICE, code_server.SERVICE)
"""The agent's own services, in the order of their start; those of services.d come in addition.

sshd is first: it answers within 20 ms of its start, and the editor takes 250 ms."""


def find_refused(context: Context) -> dict[str, str]:
    """Return which of the agent's own services are switched on and cannot run, and why."""
    found = {kind.name: kind.find(context) for kind in SERVICES}
    return {name: str(item) for name, item in found.items() if isinstance(item, Problem)}


def find_services(context: Context) -> tuple[list[Service], list[Problem]]:
    """Return the services that are to run, the agent's own first, and what is wrong with others."""
    found = [kind.find(context) for kind in SERVICES] + context.once(user.find_services)
    taken: dict[str, Service] = {}
    problems = [item for item in found if isinstance(item, Problem)]
    for item in found:
        if not isinstance(item, Service):
            continue
        if item.name in taken:
            problems.append(
                Problem(
                    f"cannot add the service {item.name}: the name is already used",
                    f"rename {item.name}.toml",
                )
            )
        else:
            taken[item.name] = item
    return list(taken.values()), problems
