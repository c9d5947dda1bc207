"""The boot file as init reads it: JSON, whose fields `agent.machine.boot_file.Boot` has."""

import json
import os
from collections.abc import Mapping, Sequence

from agent.machine import moments, runtime


class Retry:
    """When a run that failed is repeated."""

    def __init__(self, first: float, longest: float, times: int | None = None) -> None:
        self.first = first
        self.longest = longest
        self.times = times


class Job:
    """One job of the boot file."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        interval: float | None,
        timeout: float,
        *,
        watch: Sequence[str] = (),
        at: Sequence[str] = (moments.BOOT,),
        retry: Mapping[str, float] | None = None,
        announces: str = "",
        nice: int = 0,
        sockets: Sequence[str] = (),
        in_copy: bool = False,
    ) -> None:
        self.name = name
        self.argv = argv
        self.interval = interval
        self.timeout = timeout
        self.watch = watch
        self.at = at
        self.retry = Retry(**retry) if retry else None  # type: ignore[arg-type]
        self.announces = announces
        self.nice = nice
        self.sockets = sockets
        self.in_copy = in_copy


class Boot:
    """The boot file."""

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        log_format: str,
        log_level: str | None,
        streams: Sequence[str],
        supervisord: Sequence[str],
        essential: Sequence[str],
        jobs: Sequence[Mapping[str, object]],
        stop_timeout: float,
        ready_address: str = "",
    ) -> None:
        self.environment = environment
        self.log_format = log_format
        self.log_level = log_level
        self.streams = streams
        self.supervisord = supervisord
        self.essential = essential
        self.jobs = [Job(**job) for job in jobs]  # type: ignore[arg-type]
        self.stop_timeout = stop_timeout
        self.ready_address = ready_address


def read_boot(folder: str) -> Boot:
    """Return the boot file of this runtime folder. Raises OSError, ValueError or TypeError."""
    with open(os.path.join(folder, runtime.BOOT), "rb") as file:
        return Boot(**json.load(file))
