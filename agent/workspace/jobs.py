"""What init runs automatically, in one visible tuple. To add a job, add an entry here."""

from collections.abc import Callable, Iterable
from pathlib import Path

from agent.backup.targets.all import wants_backups
from agent.github import hosts
from agent.machine.light import runtime
from agent.machine.light.boot_file import Job, Retry
from agent.machine.light.moments import BOOT, LOST, READY, SIGNAL, STOP
from agent.machine.records import setup_trigger
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings import surfaces
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.hook_folder import AT_STOP, list_files
from agent.settings.report import LONGEST_TIMEOUT
from agent.workspace import activity_rules
from agent.workspace.setup_job import find_awaited


@frozen
class JobKind:
    """A verb of `devcopilot` that init runs, and what of it depends on the settings."""

    job: Job
    interval: Callable[[Settings], float | None] = lambda _: None
    """Seconds from end to start."""
    watch: Callable[[Context], Iterable[Path]] = lambda _: ()
    """Files whose change starts it."""
    awaits: Callable[[Context], Iterable[Path]] = lambda _: ()
    """Files whose change starts it while it waits for something."""
    gives_way: Callable[[Context], float] = lambda _: 0.0
    """Seconds in which its first run lets the services start."""
    sockets: Callable[[Settings], tuple[str, ...]] | None = None
    """Where init listens for it; by default as `job` says."""
    wanted: Callable[[Settings], bool] = lambda _: True

    def make_job(self, current: Context) -> Job:
        """Return the job as init runs it."""
        settings, job = current.settings, self.job
        changes = {
            "interval": self.interval(settings),
            "watch": tuple(map(str, self.watch(current))),
            "awaits": tuple(map(str, self.awaits(current))),
            "gives_way": self.gives_way(current),
            "sockets": self.sockets(settings) if self.sockets else job.sockets,
        }
        return Job(**{**vars(job), **changes})


def call(*words: str) -> tuple[str, ...]:
    """Return the argv of a verb and its options; a job speaks in events of the log."""
    return (*runtime.DEVCOPILOT, "--log", *words)


def find_file(source: SecretInput | None) -> tuple[Path, ...]:
    """Return the file that a secret is read from, if it is."""
    return (source.file,) if source and source.file else ()


def find_report_key(current: Context) -> tuple[Path, ...]:
    """Return the file of the key for the control plane: a new one is tried at once."""
    settings = current.settings
    return find_file(settings.report.api_key) if settings.report_url else ()


SERVICES_FIRST = 2.0
"""Seconds that the editor may need to answer: on two processors each job of the start keeps it
waiting. A token that is to be fetched is not put off, since clones wait for it."""

SAMPLE_TIMEOUT = 30.0 + LONGEST_TIMEOUT
"""A report may follow it."""

SETUP_TIMEOUT = 24 * 3600.0
"""Each unit has a limit of its own; this is for what those do not know."""

SERVE_TIMEOUT = 3600.0
"""It ends long before that, unless it hangs."""

STOP_TIMEOUT = 3600.0
"""The stop has a deadline of its own."""

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
        Job("refresh", call("refresh"), None, 60.0, at=(BOOT, SIGNAL), nice=10),
        interval=lambda settings: settings.github.refresh_interval,
        watch=lambda current: find_file(current.settings.github.token),
        gives_way=lambda current: 0.0 if hosts.fetches_tokens(current) else SERVICES_FIRST,
    ),
    JobKind(Job("broker", call("broker"), None, 120.0, at=(), sockets=(runtime.BROKER_SOCKET,))),
    JobKind(
        Job("serve", call("serve"), None, SERVE_TIMEOUT, at=(), nice=5),
        sockets=lambda settings: tuple(map(str, surfaces.find_addresses(settings).values())),
        wanted=lambda settings: bool(surfaces.find_addresses(settings)),
    ),
    JobKind(
        # In every workspace: what has hooks or extensions to bring may come later.
        # A unit tells of itself. It fails only if it is killed, such as for want of memory.
        Job(
            setup_trigger.JOB, call("setup"), None, SETUP_TIMEOUT, at=(READY,), nice=10,
            retry=Retry(2.0, 300.0),
        ),
        watch=lambda current: (setup_trigger.find_file(current.facts),),
        awaits=find_awaited,
    ),
    JobKind(Job("explain", call("explain"), None, 5.0, at=(LOST,))),
    JobKind(
        Job(
            "activity", (activity_rules.SAMPLER,), None, SAMPLE_TIMEOUT, at=(READY,), nice=5,
            in_copy=True,
        ),
        interval=activity_rules.find_interval,
        watch=find_report_key,
        wanted=activity_rules.wants_samples,
    ),
    JobKind(
        Job("idle", call("idle"), None, BACKUP_TIMEOUT, at=(), nice=5),
        watch=activity_rules.find_due,
        wanted=activity_rules.wants_action,
    ),
    JobKind(
        Job("backup", call("backup", "scheduled"), None, BACKUP_TIMEOUT, at=(READY,), nice=19),
        interval=lambda _: BACKUP_PAUSE,
        wanted=wants_backups,
    ),
    JobKind(
        Job("final-hooks", call("hooks", "--final"), None, STOP_TIMEOUT, at=(STOP,)),
        wanted=lambda settings: bool(settings.hooks.on_stop or list_files(AT_STOP)),
    ),
    JobKind(
        Job(
            "final-backup", call("backup", "create", "--final"), None, BACKUP_TIMEOUT, at=(STOP,)
        ),
        wanted=lambda settings: wants_backups(settings) and settings.backup.on_stop,
    ),
)  # fmt: skip
"""The short-lived children of init. Those of the stop run one after another."""


def find_jobs(current: Context) -> tuple[Job, ...]:
    """Return the jobs as init runs them."""
    return tuple(kind.make_job(current) for kind in JOBS if kind.wanted(current.settings))
