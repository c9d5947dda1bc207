"""The boot file: all that `configure` tells init, the jobs among it."""

import json
import os
from collections.abc import Mapping, Sequence

from agent.machine.light import moments, runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Retry:
    """When a run that failed is repeated: ever later, a limited number of times."""

    def __init__(self, first: float, longest: float, times: int | None = None) -> None:
        self.first = first
        """Seconds until the first further run; each next pause is twice as long."""
        self.longest = longest
        """Seconds that no pause exceeds."""
        self.times = times
        """Further runs in a row, after which the job is given up; None: no limit."""


class Job:
    """A short-lived child of init: never two runs of one job at once."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        interval: float | None,
        timeout: float,
        *,
        watch: Sequence[str] = (),
        awaits: Sequence[str] = (),
        at: Sequence[str] = (moments.BOOT,),
        retry: Retry | None = None,
        announces: str = "",
        nice: int = 0,
        sockets: Sequence[str] = (),
        in_copy: bool = False,
        gives_way: float = 0.0,
    ) -> None:
        self.name = name
        self.argv = argv
        self.interval = interval
        """Seconds from end to start; None: it runs only at its moments."""
        self.timeout = timeout
        """Seconds after which it is ended."""
        self.watch = watch
        """Files: a change of one starts the job at once (looked at every few seconds)."""
        self.awaits = awaits
        """Likewise, unless the last run has said that it waits for nothing."""
        self.at = at
        """The moments that start it, of `agent.machine.light.moments`."""
        self.retry = retry
        """None: a run that failed is over like any other."""
        self.announces = announces
        """The moment that its first success is."""
        self.nice = nice
        """Added to its nice value: a job that must not slow down the user."""
        self.sockets = sockets
        """HOST:PORT, or the name of a Unix socket in the runtime folder. Init listens; who connects
        starts the job, which gets the listening sockets as its descriptors from 3 on and answers
        all who wait. One that cannot be had is left out."""
        self.in_copy = in_copy
        """Whether `argv` is a light script of ours and its words, which a copy of init runs."""
        self.gives_way = gives_way
        """Seconds from BOOT on in which it leaves the processors to the services: its first run is
        when they are over, or when the workspace is ready before that."""


class Boot:
    """What `configure` hands to `init` as one JSON file: all that PID 1 knows."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        log_format: str,
        log_level: str | None,
        streams: Sequence[str],
        supervisord: Sequence[str],
        essential: Sequence[str],
        jobs: Sequence[Job],
        stop_timeout: float,
        ready_address: str = "",
    ) -> None:
        self.environment = environment
        """The clean environment: init re-executes itself with it, and every child inherits it."""
        self.log_format = log_format
        """auto, json or text."""
        self.log_level = log_level
        """None: info, or warning when a CMD has the terminal."""
        self.streams = streams
        """Names of the log FIFOs that init makes before supervisord starts, one a service."""
        self.supervisord = supervisord
        """The argv of supervisord; empty: no services."""
        self.essential = essential
        """Services whose loss ends the container."""
        self.jobs = jobs
        self.stop_timeout = stop_timeout
        """Seconds from the request to stop until whatever is left is killed."""
        self.ready_address = ready_address
        """IP:PORT that takes connections as long as the workspace is ready; empty: none."""

    def encode(self) -> bytes:
        """Return the boot file's content."""
        return json.dumps(self, default=vars).encode()


def read_boot(folder: str) -> Boot:
    """Return the boot file of this runtime folder. Raises OSError, ValueError or TypeError."""
    with open(os.path.join(folder, runtime.BOOT), "rb") as file:
        return _decode(**json.load(file))


def _decode(jobs: "Sequence[dict[str, Any]]", **fields: "Any") -> Boot:
    return Boot(jobs=[_decode_job(**job) for job in jobs], **fields)


def _decode_job(retry: "dict[str, Any] | None", **fields: "Any") -> Job:
    return Job(retry=Retry(**retry) if retry else None, **fields)
