"""The boot file: all that `configure` tells init, the jobs among it."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from agent.machine import moments
from agent.machine.values import frozen


@frozen
class Retry:
    """When a run that failed is repeated: ever later, a limited number of times."""

    first: float
    """Seconds until the first further run; each next pause is twice as long."""
    longest: float
    """Seconds that no pause exceeds."""
    times: int | None = None
    """Further runs in a row, after which the job is given up; None: no limit."""


@frozen
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
    """The moments that start it, of `agent.machine.moments`."""
    retry: Retry | None = None
    """None: a run that failed is over like any other."""
    announces: str = ""
    """The moment that its first success is."""
    nice: int = 0
    """Added to its nice value: a job that must not slow down the user."""
    sockets: tuple[str, ...] = ()
    """HOST:PORT, or the name of a Unix socket in the runtime folder. Init listens; who connects
    starts the job, which gets the listening sockets as its descriptors from 3 on and answers all
    who wait. One that cannot be had is left out."""
    in_copy: bool = False
    """Whether `argv` is a light script of ours and its words, which a copy of init runs."""


@frozen
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
    ready_address: str = ""
    """IP:PORT that takes connections as long as the workspace is ready; empty: there is none."""

    def encode(self) -> bytes:
        """Return the boot file's content."""
        return json.dumps(asdict(self)).encode()
