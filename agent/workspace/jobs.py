"""What init runs by itself, in one visible tuple. To add a job, add an entry here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from agent.backup.targets.all import wants_backups
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
    """A verb of `devcopilot` that init runs, and what of it depends on the settings."""

    job: Job
    interval: Callable[[Settings], float | None] = lambda _: None
    """Seconds from end to start."""
    watch: Callable[[Settings], Iterable[Path]] = lambda _: ()
    """Files whose change starts it."""
    wanted: Callable[[Settings], bool] = lambda _: True

    def make_job(self, settings: Settings) -> Job:
        """Return the job as init runs it."""
        watch = tuple(map(str, self.watch(settings)))
        return replace(self.job, interval=self.interval(settings), watch=watch)


def call(*words: str) -> tuple[str, ...]:
    """Return the argv of a verb and its options; a job speaks in events of the log."""
    return (*runtime.DEVCOPILOT, "--log", *words)


def find_file(source: SecretInput | None) -> tuple[Path, ...]:
    """Return the file that a secret is read from, if it is."""
    return (source.file,) if source and source.file else ()


TOOLS_TIMEOUT = (installer.TIME_LIMIT + installer.TRIAL_LIMIT) * len(TOOLS)

BACKUP_TIMEOUT = 12 * 3600.0
BACKUP_PAUSE = 3600.0
"""Seconds until the next look, where a run could not say when it wants to be started again."""


JOBS = (
    JobKind(
        Job(
            "ready", call("health", "--wait", "60"), None, 70.0,
            retry=Retry(1.0, 60.0), announces=READY, nice=5,
        )
    ),
    JobKind(
        Job("refresh", call("refresh", "--log"), None, 60.0, at=(BOOT, SIGNAL), nice=10),
        interval=lambda settings: settings.github.refresh_interval,
        watch=lambda settings: find_file(settings.github.token),
    ),
    JobKind(Job("broker", call("broker"), None, 120.0, at=(), socket=runtime.BROKER_SOCKET)),
    JobKind(
        Job("tools", call("tools", "--log"), None, TOOLS_TIMEOUT, nice=19),
        wanted=lambda settings: bool(find_wanted(TOOLS, settings)),
    ),
    JobKind(Job("explain", call("explain"), None, 5.0, at=(LOST,))),
    JobKind(
        Job("backup", call("backup", "scheduled"), None, BACKUP_TIMEOUT, at=(READY,), nice=19),
        interval=lambda _: BACKUP_PAUSE,
        wanted=wants_backups,
    ),
    JobKind(
        Job(
            "final-backup", call("backup", "create", "--final"), None, BACKUP_TIMEOUT, at=(STOP,)
        ),
        wanted=lambda settings: wants_backups(settings) and settings.backup.on_stop,
    ),
)  # fmt: skip
"""The short-lived children of init."""


def find_jobs(settings: Settings) -> tuple[Job, ...]:
    """Return the jobs as init runs them."""
    return tuple(kind.make_job(settings) for kind in JOBS if kind.wanted(settings))
