"""One life of the agent as PID 1: how to look at it and to disturb it, whatever it runs in."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.machine.light import runtime
from agent.services import supervisord
from tests.faults.victims import KEPT
from tests.pid1.boxes import PYTHON, Box
from tests.worlds.memory import find_own_memory
from tests.worlds.waiting import wait_until

SUPERVISORD = "supervisor.supervisord"
"""Of its command line."""
READY_LINE = '"message": "READY'
SETTLED = 180.0
"""Seconds until everything is as before: back-off, and a first backup at the lowest priority."""
LOST = "lost"
"""A service that never runs: soon after the start init has it explained why."""


@dataclass
class Life:
    """One life."""

    folder: Path
    """Where its ground lies."""
    box: Box
    page: int
    runtime: str
    """Its runtime folder, as it is named inside."""
    user: int
    program: tuple[str, ...]
    """`devcopilot`, as it is called inside."""
    environment: Mapping[str, str]
    """Of what a person starts in there."""
    _pid: int = field(default=0, repr=False)

    @property
    def run(self) -> Path:
        """The runtime folder as it is seen from here."""
        return Path(f"/proc/{self.pid}/root{self.runtime}")

    @property
    def pid(self) -> int:
        self._pid = self._pid or self.box.pid
        return self._pid

    def wait_ready(self) -> None:
        self.box.wait_for(READY_LINE, SETTLED)

    def state(self) -> dict[str, Any]:
        """Return what init says of itself."""
        return dict(json.loads((self.run / "state.json").read_bytes()))

    # --- services

    def services(self) -> dict[str, supervisord.ServiceState]:
        """Ask supervisord; a short path leads to its socket."""
        with suppress(OSError):
            return supervisord.query_states(self.run, 5.0)
        return {}

    def all_run(self) -> bool:
        """Tell whether every service has a process."""
        found = self.services()
        return bool(found) and all(state.pid for name, state in found.items() if name != LOST)

    def find_service(self, name: str) -> int:
        """Return the process of a service, by its number here; 0: it has none now."""
        state = self.services().get(name)
        return self.find_outside(state.pid) if state and state.pid else 0

    def find_outside(self, inside: int) -> int:
        """Return the number that a process has here; 0: it has ended."""
        for pid in self.box.processes():
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                numbers = next(row for row in status.splitlines() if row.startswith("NSpid:"))
                if int(numbers.split()[-1]) == inside:
                    return pid
        return 0

    # --- what runs in it

    def open(self, *words: str, output: int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start a verb in there, as a person does by `docker exec`."""
        enter = ("nsenter", f"--target={self.pid}", "--pid", "--mount", "--net", "--wd=/")
        user = str(self.user)
        return subprocess.Popen(
            [*enter, "setpriv", "--reuid", user, "--regid", user, "--clear-groups",
             *self.program, *words],
            env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip

    def tail(self) -> str:
        """Return the newest lines of both outputs."""
        lines = [*self.box.out.splitlines()[-25:], *self.box.err.splitlines()[-10:]]
        return "\n".join(lines)

    def as_root(self, *words: str) -> None:
        """Run a program as root in its mount namespace."""
        enter = ("nsenter", "--target", str(self.pid), "--mount", "--wd=/")
        subprocess.run([*enter, *words], check=True, capture_output=True, timeout=60)

    def zombies(self) -> list[int]:
        return [pid for pid, words in self.box.processes().items() if not words and is_dead(pid)]

    def count_descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def find_memory(self) -> int:
        """Return init's own memory in kB."""
        return find_own_memory(self.pid)

    # --- jobs

    def start_job(self, name: str) -> None:
        """Have init start one of STARTERS, the way it is started in real life."""
        STARTERS[name](self)

    def signal_refresh(self) -> None:
        os.kill(self.pid, signal.SIGUSR1)

    def ask_broker(self) -> None:
        script = (
            "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(2)\n"
            "s.connect(sys.argv[1])\ns.close()\n"
        )
        path = str(self.run / runtime.BROKER_SOCKET)
        subprocess.run([*PYTHON, "-c", script, path], capture_output=True, check=False)

    def ask_for_metrics(self) -> None:
        with suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.page}/metrics", timeout=5).read()

    def be_idle(self) -> None:
        self._touch("activity/due")

    def poke_setup(self) -> None:
        self._touch("units/poke")

    def _touch(self, name: str) -> None:
        path = self.run / name
        with suppress(OSError):
            with suppress(FileExistsError):
                path.parent.mkdir(0o700)
                os.chown(path.parent, self.user, self.user)
            path.touch()
            os.chown(path, self.user, self.user)
            os.utime(path)

    # --- rest

    def is_calm(self) -> bool:
        """Tell whether everything is as it should be, and at rest."""
        state = self.state()
        busy = any(job["running"] for job in state["jobs"].values())
        kept = all(self.box.find(" ".join(victim.words)) for victim in KEPT)
        ready = state["phase"] == "ready"
        return ready and not busy and kept and self.all_run() and not self.zombies()

    def hurry(self) -> None:
        """Take all out of the idle class: a backup would get no turn on a busy machine."""
        for pid in self.box.processes():
            with suppress(OSError):
                for task in map(int, os.listdir(f"/proc/{pid}/task")):  # noqa: PTH208
                    os.sched_setscheduler(task, os.SCHED_OTHER, os.sched_param(0))
                    os.setpriority(os.PRIO_PROCESS, task, 0)

    def wait_calm(self) -> None:
        def is_calm() -> bool:
            self.hurry()
            with suppress(OSError, ValueError):
                return self.is_calm()
            return False

        try:
            wait_until(is_calm, "calm", SETTLED)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.describe()}") from None

    def find_left(self) -> dict[int, str]:
        """Return what lives besides the services and what is always there, one of each."""
        left = self.box.processes()
        for words in (SUPERVISORD, *(" ".join(victim.words) for victim in KEPT)):
            left.pop(next((pid for pid, line in left.items() if words in line), 0), None)
        for state in self.services().values():
            left.pop(self.find_outside(state.pid) if state.pid else 0, None)
        return left

    def wait_alone(self) -> None:
        """Wait until all is calm, and nothing is left over of what was started meanwhile."""
        self.wait_calm()
        try:
            wait_until(lambda: not self.find_left(), "nothing left over", SETTLED)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.find_left()}") from None

    def describe(self) -> str:
        """Return what lives, what init says, and the newest lines."""
        state = self.state()
        busy = [name for name, job in state["jobs"].items() if job["running"]]
        services = {name: found.description for name, found in self.services().items()}
        return f"{busy=} {services=} {self.box.processes()} {self.tail()}"

    def stop(self) -> int:
        return self.box.stop()


STARTERS: dict[str, Callable[[Life], None]] = {
    "refresh": Life.signal_refresh, "broker": Life.ask_broker, "serve": Life.ask_for_metrics,
    "idle": Life.be_idle, "setup": Life.poke_setup,
}  # fmt: skip
"""Job -> how somebody has init start it. The others run at the start, or at the stop."""


def is_dead(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def list_family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        path = Path(f"/proc/{found[-1]}/task/{found[-1]}/children")
        with suppress(OSError):
            rest += map(int, path.read_text().split())
    return found
