"""A workspace with every door open, a real user of it, and the strangers who call there."""

import base64
import http.client
import json
import select
import socket
import statistics
import subprocess
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Login
from tests.floods.caller import HALF_OPEN
from tests.worlds.containers import BASE, DOCKER, HARDENED, MVP, Container, Recipe, running
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

PYTHON = "/opt/devcopilot/bin/python"
SCRIPTS = "/strangers"
WITH_SCRIPTS = ("-v", f"{Path(__file__).resolve().parent}:{SCRIPTS}:ro")
OWN_UID, OTHER_UID = "1000:1000", "4242:4242"
SECRETS = {
    "GITHUB_TOKEN": "ghp_" + "strangers" * 4,
    "CODE_SERVER_PASSWORD": "the-password-of-the-editor",
    "DEV8_METRICS_PASSWORD": "the-password-of-metrics",
    "DEV8_API_PASSWORD": "the-password-of-the-api",
    "ANTHROPIC_API_KEY": "sk-ant-the-key-of-the-model",
    "DEV8_BACKUP_PASSWORD": "the-password-of-backups",
}
ADDRESSES = {
    "DEV8_METRICS_ADDRESS": "0.0.0.0:9100", "SUPERVISOR_HTTP_ADDR": "0.0.0.0:9000",
    "DEV8_READY_ADDRESS": "0.0.0.0:8078",
}  # fmt: skip
PORTS = {"ssh": 2222, "ide": 8080, "page": 8079, "metrics": 9100, "api": 9000, "ready": 8078}
DEADLINE = 10.0
"""Seconds in which a real user gets what they want, whoever else calls."""
SETTLED = 120.0
"""Seconds until everything is as before: a job lingers for 30, the editor keeps a call for 60."""


@dataclass
class Figures:
    """What the workspace holds."""

    processes: int
    zombies: int
    agent: list[str]
    """The jobs that run."""
    descriptors: dict[str, int]
    own: dict[str, int]
    """Memory they have written themselves in kB, by process."""
    pss: dict[str, int]

    def find_growth(self, before: "Figures") -> list[str]:
        """Return what is more than it was before, beyond what a heap may keep."""
        grown = [
            f"{what} of {name}: {then[name]} -> {found}"
            for what, then, now in (
                ("descriptors", before.descriptors, self.descriptors),
                ("own kB", before.own, self.own),
            )
            for name, found in now.items()
            if name in then and found > then[name] + ALLOWED[what].get(name, 0)
        ]
        if self.processes > before.processes:
            grown.append(f"processes: {before.processes} -> {self.processes}")
        if self.zombies:
            grown.append(f"zombies: {self.zombies}")
        return grown


ALLOWED: dict[str, dict[str, int]] = {
    "descriptors": {"code-server": 8},
    "own kB": {
        "init": 512, "log": 2048, "supervisord": 2048, "sshd": 512, "code-server": 64 * 1024,
    },
}  # fmt: skip
"""The editor's files come and go, and its garbage waits for a collection; the heap of Python gives
back whole arenas only."""


@dataclass
class Workspace:
    """A container under attack."""

    box: Container
    login: Login
    address: str
    """Where the network reaches it."""
    cookie: str = ""

    def look(self) -> Figures:
        """Return what it holds now."""
        text = self.box.execute(PYTHON, f"{SCRIPTS}/figures.py", user=OWN_UID)
        return Figures(**json.loads(text))

    def wait_calm(self) -> Figures:
        """Return what it holds once no job of the agent runs and nobody is logged in."""

        def look() -> Figures | None:
            found = self.look()
            return None if found.agent or found.zombies else found

        found = wait_until(look, "the end of the agent's jobs", SETTLED)
        assert found
        return found

    def wait_as_before(self, before: Figures) -> Figures:
        """Return what it holds once that is as before. Raises AssertionError with what is not."""
        seen: list[Figures] = []

        def look() -> bool:
            seen.append(self.look())
            return not seen[-1].agent and not seen[-1].find_growth(before)

        with suppress(TimeoutError):
            wait_until(look, "calm", SETTLED)
        assert not seen[-1].agent, seen[-1].agent
        assert not seen[-1].find_growth(before), seen[-1].find_growth(before)
        return seen[-1]

    @contextmanager
    def besieged(self, kind: str, count: int, door: str, uid: str = OWN_UID) -> Iterator[None]:
        """Have so many strangers at a door: of a container beside it, in its network."""
        network: str = f"container:{self.box.name}"
        rights: tuple[str, ...] = ("--user", uid)
        if kind == HALF_OPEN:  # from its own network, the kernel would answer for nobody's address
            network, rights = "bridge", ("--user", "0", "--cap-add", "NET_RAW")
        words = (
            "run", "--rm", "--interactive", "--network", network, *rights, *WITH_SCRIPTS,
            "--ulimit", "nofile=8192", "--entrypoint", PYTHON, BASE,
        )  # fmt: skip
        with stranger((*words, f"{SCRIPTS}/caller.py", kind, str(count), door)):
            yield

    @contextmanager
    def crowded(self, kind: str, count: int, door: str) -> Iterator[None]:
        """Have so many at a door of the container itself, as processes of its user."""
        words = ("exec", "--interactive", "--user", OWN_UID, self.box.name, PYTHON)
        with stranger((*words, f"{SCRIPTS}/caller.py", kind, str(count), door)):
            yield


@contextmanager
def stranger(words: tuple[str, ...]) -> Iterator[None]:
    """Run a program of the engine that says when it is there, and ends with its input."""
    with Awaited(
        [DOCKER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            assert select.select([process.stdout], [], [], SETTLED)[0], "it does not come"
            assert process.stdout.readline() == "there\n"
            yield
            assert process.poll() is None, "it ended before the others were done"
        finally:
            process.communicate(timeout=60)


@contextmanager
def opened(login: Login) -> Iterator[Workspace]:
    """Start a workspace that listens wherever it can."""
    variables = {**SECRETS, **ADDRESSES, "SSH_PUBLIC_KEY": login.public}
    words = [word for pair in variables.items() for word in ("-e", "=".join(pair))]
    with running(Recipe(MVP, (*HARDENED, *WITH_SCRIPTS, *words))) as box:
        box.wait_ready()
        address = box.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
        yield Workspace(box, login, address)


@dataclass
class User:
    """Somebody who works there, and how long everything took them: in seconds."""

    there: Workspace
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def try_all(self) -> str:
        """Want everything once; return what was not had, or not in time."""
        failures = []
        for name, want in self.wishes().items():
            begin = time.monotonic()
            try:
                failure = want()
            except (OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
                failure = f"{type(error).__name__}: {error}"
            took = time.monotonic() - begin
            self.took[name].append(took)
            if failure or took > DEADLINE:
                failures.append(f"{name}: {failure or 'late'} after {took:.1f} s")
        return "; ".join(failures)

    def wishes(self) -> Mapping[str, Callable[[], str]]:
        return {
            "ssh": self.log_in, "ide": lambda: self.get("ide", "/login"),
            "page": lambda: self.get("ide", "/proxy/8079/", Cookie=self.find_cookie()),
            "metrics": lambda: self.get("metrics", "/metrics", **bear("DEV8_METRICS_PASSWORD")),
            "api": lambda: self.get("api", "/status", **bear("DEV8_API_PASSWORD")),
            "ready": self.connect, "health": self.ask_health,
        }  # fmt: skip

    def log_in(self) -> str:
        words = ["ssh", *self.there.login.options(), "-p", "2222", f"dev8@{self.there.address}"]
        done = subprocess.run(
            [*words, "echo in"], check=False, capture_output=True, text=True, timeout=DEADLINE
        )
        return "" if done.stdout == "in\n" else done.stderr or "no answer"

    def get(self, door: str, path: str, **headers: str) -> str:
        connection = self.reach(door)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return "" if answer.status == 200 else f"status {answer.status}"
        finally:
            connection.close()

    def reach(self, door: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.there.address, PORTS[door], timeout=DEADLINE)

    def find_cookie(self) -> str:
        """Return the session of the editor, after a login."""
        if not self.there.cookie:
            form = urllib.parse.urlencode({"password": SECRETS["CODE_SERVER_PASSWORD"]})
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            connection = self.reach("ide")
            connection.request("POST", "/login", form, kind)
            answer = connection.getresponse()
            self.there.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
            connection.close()
        return self.there.cookie

    def connect(self) -> str:
        with socket.create_connection((self.there.address, PORTS["ready"]), DEADLINE) as connection:
            return "" if connection.recv(1) == b"" else "it spoke"

    def ask_health(self) -> str:
        done = self.there.box.call("devcopilot", "health")
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def describe(self) -> dict[str, str]:
        """Return the median and the worst of each, in milliseconds."""
        return {
            name: f"{statistics.median(took) * 1000:.0f}/{max(took) * 1000:.0f}"
            for name, took in self.took.items()
        }


def bear(name: str) -> dict[str, str]:
    """Return the header of somebody who knows a password."""
    word = base64.b64encode(f"any:{SECRETS[name]}".encode()).decode()
    return {"Authorization": f"Basic {word}"}


def print_latencies(title: str, users: Mapping[str, Any]) -> None:
    """Print what users waited for, at several times: median/worst in ms."""
    print(f"\n{title}: median/worst in ms")
    wishes = next(iter(users.values())).took
    print(f"{'':8}", *(f"{name:>12}" for name in wishes))
    for moment, user in users.items():
        print(f"{moment:8}", *(f"{text:>12}" for text in user.describe().values()))
