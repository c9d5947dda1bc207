"""What the parts of the agent tell each other of: services, jobs, the boot file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from agent import moments
from agent.addresses import LOOPBACK


@dataclass(frozen=True)
class HttpProbe:
    """Answers when a request without a body yields one of these statuses."""

    port: int
    path: str
    host: str = LOOPBACK
    method: str = "GET"
    expected: tuple[int, ...] = (200,)
    accept: str = ""


@dataclass(frozen=True)
class BannerProbe:
    """Answers when a connection yields a first line with this prefix."""

    port: int
    prefix: str
    reply: str = ""
    """Sent back as a line: without it some servers log a fault for each probe."""
    host: str = LOOPBACK
    busy: tuple[str, ...] = ()
    """First lines of a server that has too many callers: it lives, and must not be restarted."""


@dataclass(frozen=True)
class LoginProbe(BannerProbe):
    """Answers when an ssh server greets, and its user can log in."""

    login: tuple[str, ...] = ()
    """A command that logs in with `key` and ends with 0."""
    key: str = ""
    """Path of the private key, beside which lies its public half; made where there is none."""


@dataclass(frozen=True)
class PortProbe:
    """Answers when a connection is accepted."""

    port: int
    host: str = LOOPBACK


@dataclass(frozen=True)
class CommandProbe:
    """Answers when the command ends with 0."""

    argv: tuple[str, ...]


Probe = HttpProbe | BannerProbe | PortProbe | CommandProbe


MARK = "DEV8_SERVICE"
"""Variable with the name of the service that a process is of, in services of the user's own. The
agent's have none: what is started in a terminal of the editor must outlive the editor."""


@dataclass(frozen=True)
class Service:
    """A long-running program that supervisord keeps."""

    name: str
    argv: tuple[str, ...]
    essential: bool = True
    probe: Probe | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the clean environment. No secrets: they go through files."""
    directory: Path | None = None
    first: Probe | None = None
    """Asked beside it until the workspace is ready: what costs too much to be asked for ever."""
    own_secrets: bool = True
    """It is, or starts, programs of the user's: it gets the secrets of the user's own."""
    without: tuple[str, ...] = ()
    """Names that are taken from the clean environment and from the own secrets."""


@dataclass(frozen=True)
class Retry:
    """When a run that failed is repeated: ever later, a limited number of times."""

    first: float
    """Seconds until the first further run; each next pause is twice as long."""
    longest: float
    """Seconds that no pause exceeds."""
    times: int | None = None
    """Further runs in a row, after which the job is given up; None: no limit."""


@dataclass(frozen=True)
class Job:
    """A short-lived child of init: never two runs of one job at once."""

    name: str
    argv: tuple[str, ...]
    interval: float | None
    """Seconds from end to start; None: it runs only at its moments."""
    timeout: float
    """Seconds after which it is ended."""
    watch: tuple[str, ...] = ()
    """Files: a change of one starts the job at once (looked at every few seconds)."""
    at: tuple[str, ...] = (moments.BOOT,)
    """The moments that start it, of `agent.moments`."""
    retry: Retry | None = None
    """None: a run that failed is over like any other."""
    announces: str = ""
    """The moment that its first success is."""
    nice: int = 0
    """Added to its nice value: a job that must not slow down the user."""
    socket: str = ""
    """Name of a Unix socket in the runtime folder. Init listens; who connects starts the job, which
    gets the listening socket as its descriptor 3 and answers all who wait."""


@dataclass(frozen=True)
class Boot:
    """What `configure` hands to `init` as one JSON file: all that PID 1 knows."""

    environment: Mapping[str, str]
    """The clean environment: init re-executes itself with it, and every child inherits it."""
    log_format: str
    """auto, json or text."""
    log_level: str | None
    """None: info, or warning when a CMD has the terminal."""
    streams: tuple[str, ...]
    """Names of the log FIFOs that init makes before supervisord starts, one a service."""
    supervisord: tuple[str, ...]
    """The argv of supervisord; empty: no services."""
    essential: tuple[str, ...]
    """Services whose loss ends the container."""
    jobs: tuple[Job, ...]
    stop_timeout: float
    """Seconds from the request to stop until whatever is left is killed."""

    def encode(self) -> bytes:
        """Return the boot file's content."""
        return json.dumps(asdict(self)).encode()
