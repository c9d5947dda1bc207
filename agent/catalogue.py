"""All that exists, in visible tuples. To add a thing: write one file, add one name here."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent import installer
from agent.errors import Problem
from agent.plan import Job, Resource, Service
from agent.services import code_server, sshd, user
from agent.settings import Settings
from agent.steps import ai, git, github, shell, ssh, vscode
from agent.system import Facts
from agent.tokens import environment, file
from agent.tools import find_wanted

Planner = Callable[[Settings, Facts], Iterable[Resource | Problem]]


@dataclass(frozen=True)
class StepKind:
    """One idempotent piece of configuration."""

    name: str
    resources: Planner


@dataclass(frozen=True)
class ServiceKind:
    """A long-running program: its files, and how to run it (None: not here, or switched off)."""

    name: str
    resources: Planner
    service: Callable[[Settings, Facts], Service | Problem | None]


STEPS = (
    StepKind("ssh", ssh.resources),
    StepKind("git", git.resources),
    StepKind("github", github.resources),
    StepKind("vscode", vscode.resources),
    StepKind("ai", ai.resources),
    StepKind("shell", shell.resources),
)
"""Applied in this order."""

SERVICES = (
    ServiceKind("code-server", code_server.resources, code_server.service),
    ServiceKind("sshd", sshd.resources, sshd.service),
)
"""The agent's own services; those of services.d come in addition."""

AI_TOOLS = ai.TOOLS
"""What the agent hands keys to, and installs where it is missing."""

TOKEN_SOURCES = (file.read, environment.read)
"""The first that yields something decides; there is no silent fall-back to another identity."""

REFRESH_TIMEOUT = 60.0
READY_TIMEOUT = 120.0
TOOLS_TIMEOUT = (installer.TIME_LIMIT + installer.TRIAL_LIMIT) * len(AI_TOOLS)
BESIDE = ("nice", "-n", "19", "ionice", "-t", "-c", "3")
"""Before the argv of a job that only gets what nobody else wants of processor and disk."""
DEVCOPILOT = (sys.executable, "-I", "-m", "agent")


def jobs(settings: Settings) -> tuple[Job, ...]:
    """Return the timed children of init."""
    token = settings.github.token
    watched = (str(token.file),) if token and token.file else ()
    tools = Job("tools", (*BESIDE, *DEVCOPILOT, "tools", "--log"), None, TOOLS_TIMEOUT)
    return (
        Job(
            "ready",
            (*DEVCOPILOT, "health", "--wait", f"{READY_TIMEOUT:g}"),
            None,
            READY_TIMEOUT + 10,
        ),
        Job(
            "refresh",
            (*DEVCOPILOT, "refresh", "--log"),
            settings.github.refresh_interval,
            REFRESH_TIMEOUT,
            watched,
        ),
        *((tools,) if find_wanted(AI_TOOLS, settings) else ()),
    )


def resources_of(
    kind: ServiceKind, settings: Settings, facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield the files of a service; of one that is not to run, nothing."""
    if isinstance(kind.service(settings, facts), Service):
        yield from kind.resources(settings, facts)


def services(settings: Settings, facts: Facts) -> tuple[list[Service], list[Problem]]:
    """Return the services that are to run, the agent's own first, and what is wrong with others."""
    found = [kind.service(settings, facts) for kind in SERVICES]
    found += user.services(settings, facts)
    taken: dict[str, Service] = {}
    problems = [item for item in found if isinstance(item, Problem)]
    for item in found:
        if not isinstance(item, Service):
            continue
        if item.name in taken:
            problems.append(
                Problem(
                    f"cannot add the service {item.name}: the name is taken",
                    f"rename {item.name}.toml",
                )
            )
        else:
            taken[item.name] = item
    return list(taken.values()), problems
