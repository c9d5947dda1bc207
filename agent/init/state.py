"""state.json: what init says of itself, for `devcopilot status` and others.

{"version": 2, "pid": 1, "phase": "starting" | "ready" | "stopping", "started": RFC 3339,
 "ready_seconds": seconds from the start of the container | null, "stopping_because": text | null,
 "cmd": whether there is a CMD, "jobs": {NAME: {"running": bool, "runs": number,
 "last_exit": exit code | null, "last_started": RFC 3339 | null, "next_at": seconds since
 the machine started (CLOCK_BOOTTIME) | null}},
 "restarts": {SERVICE: how often it was started again}}
"""

import json
import os
import time
from collections.abc import Mapping

from agent.init.jobs import ScheduledJob
from agent.init.loop import BootClock
from agent.machine.light import runtime
from agent.machine.light.clock import timestamp

MOST_SERVICES = 256
"""Others are not counted: anybody of this user may write their names into the FIFO."""


class State:
    """Writes state.json when something in it has changed."""

    def __init__(self, folder: str, cmd: bool, clock: BootClock) -> None:
        self._path = os.path.join(folder, runtime.STATE)
        self._cmd = cmd
        self._now = clock.now
        age = clock.find_age()
        self._born = clock.now() - age
        self._started = timestamp(time.time() - age)
        self.ready_seconds: float | None = None
        self.stopping_because: str | None = None
        self._restarts: dict[str, int] = {}

    def set_ready(self) -> float:
        """Note that the workspace is ready; return the seconds that it took."""
        self.ready_seconds = round(self._now() - self._born, 3)
        return self.ready_seconds

    def count_start(self, service: str) -> bool:
        """Note that supervisord starts a service; tell whether it is not the first time."""
        is_again = service in self._restarts
        if is_again or len(self._restarts) < MOST_SERVICES:
            self._restarts[service] = self._restarts.get(service, -1) + 1
        return is_again

    def write(self, jobs: Mapping[str, ScheduledJob]) -> None:
        """Write the file. A disk that is full costs the news, not the container."""
        phase = "starting" if self.ready_seconds is None else "ready"
        content = {
            "version": 2,
            "pid": os.getpid(),
            "phase": "stopping" if self.stopping_because else phase,
            "started": self._started,
            "ready_seconds": self.ready_seconds,
            "stopping_because": self.stopping_because,
            "cmd": self._cmd,
            "jobs": {name: describe_job(job) for name, job in jobs.items()},
            "restarts": self._restarts,
        }
        try:
            runtime.write_atomic(self._path, json.dumps(content).encode() + b"\n")
        except OSError:
            pass


def describe_job(job: ScheduledJob) -> dict[str, object]:
    """Return the entry of one job."""
    return {
        "running": job.running,
        "runs": job.runs,
        "last_exit": job.last_exit,
        "last_started": job.last_started,
        "next_at": job.next_at,
    }
