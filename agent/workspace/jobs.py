"""What init runs by itself, in one visible tuple. To add a job, add an entry here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.backup.schedule import wants_backups
from agent.machine import runtime
from agent.machine.boot import Job, Retry
from agent.machine.moments import BOOT, LOST, READY, SIGNAL, STOP
from agent.machine.secret import SecretInput
from agent.settings.everything import Settings
from agent.tools import installer
from agent.tools.all import TOOLS
from agent.tools.tool import find_wanted


@dataclass(frozen=True)
class JobKind:
    """A verb of `devcopilot` that init runs by itself; see `machine.boot.Job` for the fields."""

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


TOOLS_TIMEOUT = (installer.TIME_LIMIT + installer.TRIAL_LIMIT) * len(TOOLS)

BACKUP_TIMEOUT = 12 * 3600.0
BACKUP_PAUSE = 3600.0
"""Seconds until the next look, where a run could not say when it wants to be started again."""


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
        wanted=lambda settings: bool(find_wanted(TOOLS, settings)),
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


def find_jobs(settings: Settings) -> tuple[Job, ...]:
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
