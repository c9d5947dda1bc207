"""A small container: a PID namespace in which init is PID 1."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from agent.machine.light.boot_file import Boot, Job
from agent.machine.system import Facts
from agent.services import supervisord
from agent.services.service import Service
from tests.worlds.bound import BOUND
from tests.worlds.waiting import DEADLINE, wait_until

NOBODY = 65534
NEVER = 1000.0
"""Seconds of a stop that is not to meet its own deadline: whatever waits for that fails before."""
PYTHON = (sys.executable, "-I")
INIT = (*PYTHON, "-m", "agent", "init", "--")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
BLOCKED = ("env", "--block-signal=TERM,INT,HUP,QUIT")
EMPTY_BOOT = Boot(
    environment=ENVIRONMENT, log_format="json", log_level=None, streams=(), supervisord=(),
    essential=(), jobs=(), stop_timeout=NEVER,
)  # fmt: skip
MEET = """
import os, signal, sys, time
def meet(number, frame):
    with open(sys.argv[1], "ab", buffering=0) as file:
        file.write(b"here\\n")
    while os.stat(sys.argv[1]).st_size < 5 * int(sys.argv[2]):
        time.sleep(0.01)
    with open(sys.argv[1] + "-met", "ab", buffering=0) as file:
        file.write(b"met\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, meet)
print("begun", flush=True)
while True:
    signal.pause()
"""
"""Asked to end, waits until so many have been asked."""


@dataclass(frozen=True)
class Namespace:
    """How a program gets into a namespace of its own, and as whom it runs there.

    It ends with its PID 1, and that must end with the program that has made it: --kill-child sees
    to it, and `become` where PID 1 becomes another user.
    """

    words: tuple[str, ...]
    uid: int


def open_output() -> IO[bytes]:
    """Return a file for what processes say, also those that open /dev/fd/1 for themselves."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - `Box.close` closes it
    fcntl.fcntl(file.fileno(), fcntl.F_SETFL, os.O_APPEND)
    return file


class Box:
    """One run of a program as PID 1. It ends with the thread that starts it, at the latest.

    A Ctrl-C for the tests does not reach it: it would count as one that has ended too early.
    """

    def __init__(
        self,
        namespace: Namespace,
        folder: Path,
        words: Sequence[str],
        *,
        environment: Mapping[str, str] = ENVIRONMENT,
        stdin: int = subprocess.DEVNULL,
        terminal: int | None = None,
        piped: bool = False,
        out: int | None = None,
    ) -> None:
        """With `piped` the standard output is a pipe, which somebody reads; `out`: another's."""
        self.folder = folder
        self.deadline = DEADLINE
        self._out, self._err = open_output(), open_output()
        way = namespace.words
        self._cat = self._start_cat() if piped else None
        output = self._cat.stdin if self._cat else self._out
        streams: tuple[Any, Any, Any] = (stdin, output if out is None else out, self._err)
        if terminal is not None:
            way, streams = (*way, "setsid", "--ctty"), (terminal,) * 3
        self.process = subprocess.Popen(
            [*BOUND, *way, *words], stdin=streams[0], stdout=streams[1], stderr=streams[2],
            env=dict(environment), cwd="/", process_group=0,
        )  # fmt: skip

    def _start_cat(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=self._out)

    @property
    def pid(self) -> int:
        """Init's number as it is seen from here."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(wait_until(lambda: path.read_text().split(), "a child of unshare")[0])

    @property
    def out(self) -> str:
        return os.pread(self._out.fileno(), 1 << 26, 0).decode()

    @property
    def err(self) -> str:
        return os.pread(self._err.fileno(), 1 << 26, 0).decode()

    def send(self, *numbers: int) -> None:
        for number in numbers:
            os.kill(self.pid, number)

    def wait_for(self, text: str, deadline: float | None = None) -> str:
        """Return the output once the text is in it."""
        wait_until(
            lambda: text in self.out + self.err or self.process.poll() is not None,
            f"{text!r} in {self.out!r} {self.err!r}", deadline or self.deadline,
        )  # fmt: skip
        seen = self.out + self.err
        assert text in seen, seen
        return seen

    def wait(self, deadline: float | None = None) -> int:
        """Return the exit code of PID 1."""
        return self.process.wait(timeout=deadline or self.deadline)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask to stop; return the exit code."""
        self.send(number)
        return self.wait()

    def processes(self) -> dict[int, str]:
        """Return the processes below init, by their numbers here: zombies too, with no words."""
        found: dict[int, str] = {}
        rest = [self.pid]
        while rest:
            pid = rest.pop()
            try:
                below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            rest += [int(child) for child in below]
            found[pid] = words.replace(b"\0", b" ").decode().strip()
        found.pop(self.pid, None)
        return found

    def find(self, words: str) -> int | None:
        """Return the number of a process below init whose command line has these words."""
        return next((pid for pid, line in self.processes().items() if words in line), None)

    def state(self) -> dict[str, Any]:
        """Return state.json once it is there."""
        path = self.folder / "run/state.json"
        wait_until(path.exists, f"state.json: {self.out} {self.err}")
        return dict(json.loads(path.read_bytes()))

    def wait_for_phase(self, phase: str) -> dict[str, Any]:
        wait_until(lambda: self.state()["phase"] == phase, f"{phase}: {self.out} {self.err}")
        return self.state()

    def close(self) -> None:
        if self.process.poll() is None:
            # The namespace ends with its PID 1; --kill-child is lost where that becomes nobody.
            path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for pid in path.read_text().split():
                with contextlib.suppress(OSError):
                    os.kill(int(pid), signal.SIGKILL)
            self.process.kill()
            self.process.wait()
        if self._cat and self._cat.stdin:
            self._cat.stdin.close()
            self._cat.wait()
        self._out.close()
        self._err.close()


def has_pending(pid: int, number: int) -> bool:
    """Tell whether a process has still to take a signal."""
    text = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in text.splitlines() if line.startswith("ShdPnd"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def prepare(folder: Path) -> Path:
    """Make the runtime folder of the box."""
    run = folder / "run"
    for path in (run, run / "secrets", run / "tokens", run / "streams"):
        path.mkdir(mode=0o700, exist_ok=True)
    return run


def give(folder: Path) -> None:
    """Give all that is in the box's folder to the user inside."""
    owner = folder.stat().st_uid
    for path in folder.rglob("*"):
        os.chown(path, owner, -1, follow_symlinks=False)


def booted(folder: Path, boot: Boot, *command: str) -> tuple[str, ...]:
    """Write the boot file and return the words that start the second life with it."""
    run = prepare(folder)
    (run / "boot.json").write_bytes(boot.encode())
    give(folder)
    return (*PYTHON, "-m", "agent.init", "--booted", str(run), "--", *command)


def change(boot: Boot, **changes: Any) -> Boot:
    """Return a boot file with something changed."""
    return Boot(**{**vars(boot), **changes})


def with_jobs(*jobs: Job, stop_timeout: float = NEVER) -> Boot:
    return change(EMPTY_BOOT, jobs=jobs, stop_timeout=stop_timeout)


def with_services(
    folder: Path, *services: Service, impatient: bool = False, brisk: bool = False,
    stop_timeout: float = NEVER,
) -> Boot:  # fmt: skip
    """Return a boot file for these services; supervisord's files are written as `configure` does.

    With `impatient` supervisord gives up on a service at its second early end; with `brisk` one
    that lives for a second runs.
    """
    prepare(folder)
    facts = Facts(folder, NOBODY, folder / "run", folder / "state", ENVIRONMENT)
    for file in supervisord.resources(services, facts, stop_timeout):
        file.path.parent.mkdir(exist_ok=True)
        content = file.content
        if impatient:
            content = content.replace(b"startretries=3", b"startretries=1")
        if brisk:
            content = content.replace(b"startsecs=10", b"startsecs=1")
        file.path.write_bytes(content)
    give(folder)
    names = tuple(service.name for service in services)
    essential = tuple(service.name for service in services if service.essential)
    return change(
        EMPTY_BOOT, streams=names, supervisord=supervisord.command(facts), essential=essential,
        stop_timeout=stop_timeout,
    )  # fmt: skip
