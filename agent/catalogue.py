"""All that exists, in visible tuples. To add a thing: write one file, add one name here."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent import installer, runtime
from agent.errors import Problem
from agent.moments import BOOT, LOST, READY, SIGNAL, STOP
from agent.plan import Resource
from agent.secret import SecretInput
from agent.services import code_server, sshd, user
from agent.settings import Settings
from agent.steps import ai, git, github, shell, signing, ssh, vscode
from agent.system import Facts
from agent.targets import azure, local, s3
from agent.tokens import app, command, environment, file, url
from agent.tokens import user as user_token
from agent.tools import find_wanted
from agent.values import Job, Retry, Service

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


@dataclass(frozen=True)
class JobKind:
    """A verb of `devcopilot` that init runs by itself; see `values.Job` for the fields."""

    name: str
    words: tuple[str, ...]
    """The verb and its options."""
    timeout: float
    at: tuple[str, ...] = (BOOT,)
    interval: Callable[[Settings], float | None] = lambda _: None
    watch: Callable[[Settings], Iterable[Path]] = lambda _: ()
    retry: Retry | None = None
    announces: str = ""
    nice: int = 0
    socket: str = ""
    wanted: Callable[[Settings], bool] = lambda _: True


def find_file(source: SecretInput | None) -> tuple[Path, ...]:
    """Return the file that a secret is read from, if it is."""
    return (source.file,) if source and source.file else ()


STEPS = (
    StepKind("ssh", ssh.resources),
    StepKind("host-keys", sshd.host_key_resources),
    StepKind("git", git.resources),
    StepKind("signing", signing.resources),
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

TOKEN_SOURCES = (
    file.SOURCE,
    app.SOURCE,
    user_token.SOURCE,
    command.SOURCE,
    url.SOURCE,
    environment.SOURCE,
)
"""The first that is configured for a host is its only one: there is no silent fall-back to another
identity."""

BACKUP_TARGETS = (local.TARGET, s3.TARGET, azure.TARGET)
"""Each that is configured gets every backup."""

TOOLS_TIMEOUT = (installer.TIME_LIMIT + installer.TRIAL_LIMIT) * len(AI_TOOLS)

BACKUP_TIMEOUT = 12 * 3600.0
BACKUP_PAUSE = 3600.0
"""Seconds until the next look, where a run could not say when it wants to be started again."""


def wants_backups(settings: Settings) -> bool:
    """Tell whether backups are made by themselves."""
    return settings.backup.enabled and settings.backup.has_target


JOBS = (
    JobKind(
        "ready", ("health", "--wait", "60"), 70.0, retry=Retry(1.0, 60.0), announces=READY, nice=5
    ),
    JobKind(
        "refresh",
        ("refresh", "--log"),
        60.0,
        at=(BOOT, SIGNAL),
        interval=lambda settings: settings.github.refresh_interval,
        watch=lambda settings: find_file(settings.github.token),
        nice=10,
    ),
    JobKind("broker", ("broker",), 120.0, at=(), socket=runtime.BROKER_SOCKET),
    JobKind(
        "tools",
        ("tools", "--log"),
        TOOLS_TIMEOUT,
        nice=19,
        wanted=lambda settings: bool(find_wanted(AI_TOOLS, settings)),
    ),
    JobKind("explain", ("explain",), 5.0, at=(LOST,)),
    JobKind(
        "backup",
        ("backup", "scheduled"),
        BACKUP_TIMEOUT,
        at=(READY,),
        interval=lambda _: BACKUP_PAUSE,
        nice=19,
        wanted=wants_backups,
    ),
    JobKind(
        "final-backup",
        ("backup", "create", "--final"),
        BACKUP_TIMEOUT,
        at=(STOP,),
        wanted=lambda settings: wants_backups(settings) and settings.backup.on_stop,
    ),
)
"""The short-lived children of init."""


def jobs(settings: Settings) -> tuple[Job, ...]:
    """Return the jobs as init runs them."""
    return tuple(
        Job(
            kind.name,
            (*runtime.DEVCOPILOT, *kind.words),
            kind.interval(settings),
            kind.timeout,
            tuple(map(str, kind.watch(settings))),
            kind.at,
            kind.retry,
            kind.announces,
            kind.nice,
            kind.socket,
        )
        for kind in JOBS
        if kind.wanted(settings)
    )


def resources_of(
    kind: ServiceKind, settings: Settings, facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield the files of a service; of one that is not to run, nothing."""
    if isinstance(kind.service(settings, facts), Service):
        yield from kind.resources(settings, facts)


def find_refused(settings: Settings, facts: Facts) -> dict[str, str]:
    """Return which of the agent's own services are switched on and cannot run, and why."""
    found = {kind.name: kind.service(settings, facts) for kind in SERVICES}
    return {name: str(item) for name, item in found.items() if isinstance(item, Problem)}


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
