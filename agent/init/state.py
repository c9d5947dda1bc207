"""state.json: what init says of itself, for `devcopilot status` and others.

{"version": 2, "pid": 1, "phase": "starting" | "ready" | "stopping", "started": RFC 3339,
 "ready_seconds": seconds from the start of the container | null, "stopping_because": text | null,
 "cmd": whether there is a CMD, "jobs": {NAME: {"running": bool, "runs": number,
 "last_exit": exit code | null, "last_started": RFC 3339 | null, "next_at": seconds since
 the machine started (CLOCK_BOOTTIME) | null}}}
"""

import json
import os
import time

from agent.init.jobs import Job
from agent.init.processes import read_stat
from agent.machine import runtime
from agent.machine.clock import timestamp


class State:
    """Writes state.json when something in it has changed."""

    def __init__(self, folder: str, cmd: bool) -> None:
        self._path = os.path.join(folder, runtime.STATE)
        self._cmd = cmd
        self._age_at_start = read_age()
        self._born = time.monotonic() - self._age_at_start
        self._started = timestamp(time.time() - self._age_at_start)
        self.ready_seconds: float | None = None
        self.stopping_because: str | None = None

    def set_ready(self) -> float:
        """Note that the workspace is ready; return the seconds that it took."""
        self.ready_seconds = round(time.monotonic() - self._born, 3)
        return self.ready_seconds

    def write(self, jobs: dict[str, Job]) -> None:
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
        }
        try:
            runtime.write_atomic(self._path, json.dumps(content).encode() + b"\n")
        except OSError:
            pass


def describe_job(job: Job) -> dict[str, object]:
    """Return the entry of one job."""
    return {
        "running": job.running,
        "runs": job.runs,
        "last_exit": job.last_exit,
        "last_started": job.last_started,
        "next_at": job.next_at,
    }


def read_age() -> float:
    """Return the seconds since this process was started, its life before an exec included."""
    try:
        born = int(read_stat("self")[19]) / os.sysconf("SC_CLK_TCK")  # starttime
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - born)
    except (OSError, ValueError, IndexError):
        return 0.0
