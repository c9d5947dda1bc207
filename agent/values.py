"""What the parts of the agent tell each other of: tokens, services, jobs, the boot file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class HttpProbe:
    """Answers when GET on loopback yields status 200."""

    port: int
    path: str


@dataclass(frozen=True)
class BannerProbe:
    """Answers when a connection on loopback yields a first line with this prefix."""

    port: int
    prefix: str
    reply: str = ""
    """Sent back as a line: without it some servers log a fault for each probe."""


@dataclass(frozen=True)
class PortProbe:
    """Answers when a connection on loopback is accepted."""

    port: int


@dataclass(frozen=True)
class CommandProbe:
    """Answers when the command ends with 0."""

    argv: tuple[str, ...]


Probe = HttpProbe | BannerProbe | PortProbe | CommandProbe


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


@dataclass(frozen=True)
class Job:
    """A short-lived child of init, repeated."""

    name: str
    argv: tuple[str, ...]
    interval: float | None
    """Seconds from end to start; None: once, at start."""
    timeout: float
    """Seconds after which it is ended."""
    watch: tuple[str, ...] = ()
    """Files: a change of one starts the job at once (looked at every few seconds)."""


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
