"""Containers for the tests and the benchmark: start one, see it answer, look inside, stop it."""

import http.client
import itertools
import json
import os
import random
import socket
import subprocess
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.worlds.waiting import DEADLINE, wait_until

DOCKER = os.environ.get("DOCKER", "docker")
TAG = os.environ.get("VERSION") or "latest"
"""The images' tag, as scripts/build.sh gives it."""
BASE, MVP = f"dev8-base:{TAG}", f"dev8-mvp:{TAG}"
CHOSEN = os.environ.get("IMAGE")
"""The one image that is tested: `make test VARIANT=go`; otherwise dev8-base and dev8-mvp are."""
WORKSPACE = f"dev8-{CHOSEN or 'mvp'}:{TAG}"
"""The image of a workspace with everything, for what every variant promises."""
TOOLS = f"dev8-test:{TAG}"
"""The image with what only tests need: browsers, registries, clients."""
READ_ONLY = ("--read-only", "-v", "/home/dev8", "-v", "/workspace", "-v", "/tmp")
"""Each -v is an unnamed volume."""
NO_PRIVILEGES = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
HARDENED = (*READ_ONLY, *NO_PRIVILEGES)
"""The strictest way to run an image."""
ANY_UID = ("--user", "12345:0")
"""As a platform does that gives every project a uid of its own, such as OpenShift."""
QUIET = {"DEV8_GITHUB_API_URL": "http://127.0.0.1:1", "DEV8_AI_TOOLS": "off"}
"""What keeps a workspace from sending a test's token to GitHub, and from asking npm for tools."""
FIRST_PORT, PORTS_EACH, WORKERS = 20_000, 1000, 12
"""https://docs.kernel.org/networking/ip-sysctl.html: ip_local_port_range begins at 32768."""
PATIENCE = 60.0
"""Seconds for a service to answer: a page of the editor may take five on a busy machine."""
LIMIT = 300.0
"""Seconds after which a command counts as hanging."""
IN_TESTS = "PYTEST_VERSION" in os.environ
"""The benchmark measures what a container costs a person, whose engine asks for its health."""
READY = "ready"
UNTIL_READY = """\
folder=${DEV8_RUNTIME_DIR:-/dev/shm/devcopilot-$(id -u)} turns=0
until [ -e "$folder/ready" ]; do
    if [ ! -e "$folder/state.json" ] && [ $((turns += 1)) -gt 50 ]; then
        until devcopilot health --wait 5; do sleep 0.3; done
        exit
    fi
    sleep 0.1
done
"""
"""Waits inside for the file that init makes when all essential services have answered it.

Each command from outside costs a tenth of a second of processor in the engine, and asking the
services a second time another one in the container. Where nothing of init appears in five seconds,
its folder is elsewhere, and the services are asked."""
_ports = itertools.count(random.randrange(PORTS_EACH))


def docker(*words: str, timeout: float = LIMIT) -> str:
    """Run the engine's command; return what it printed. Raises CalledProcessError, with a note."""
    try:
        done = subprocess.run(
            [DOCKER, *words], check=True, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr.strip())
        raise
    return done.stdout.strip()


def find_free_port() -> int:
    """Return a TCP port of loopback that is free, and that only its caller will be given.

    It is below those that the kernel gives to who asks for any; each worker has a range.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + worker % WORKERS * PORTS_EACH
    for number in _ports:
        port = first + number % PORTS_EACH
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the numbers do not end")


def answers_http(port: int, path: str = "/healthz") -> bool:
    """Tell whether GET on loopback yields status 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def log_in(port: int, password: str) -> int:
    """Send a password to the editor's form on loopback; return the status: 302 when it is right."""
    form = urllib.parse.urlencode({"password": password})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", form, kind)
        return connection.getresponse().status
    finally:
        connection.close()


def answers_ssh(port: int) -> bool:
    """Tell whether the first bytes from the port are an SSH banner."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            return connection.recv(8).startswith(b"SSH-2.0")
    except OSError:
        return False


SERVICES = ("code-server", "sshd")
"""Sources of the log that are no part of the agent."""


@dataclass(frozen=True)
class Recipe:
    """How a container is made."""

    image: str
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    published: bool = True
    """Whether its ports are reached from the tests: not with another container's network."""


@dataclass
class Container:
    """A container, its ports on loopback, and when it was started (monotonic seconds)."""

    name: str
    ide_port: int
    ssh_port: int
    started: float = field(default=0.0)

    def start(self) -> None:
        """Start the created container."""
        self.started = time.monotonic()
        docker("start", self.name)

    def inspect(self, template: str) -> str:
        """Return what the engine says of the container, as a Go template asks for it."""
        return docker("inspect", "--format", template, self.name)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let nothing run in the container until the end."""
        self.pause()
        try:
            yield
        finally:
            docker("unpause", self.name)

    def pause(self) -> None:
        """Let nothing run in the container until it is unpaused."""
        # With cgroup v1 the engine gives up soon when a process cannot be frozen at once, such as
        # one that waits for a disk.
        wait_until(self._try_pause, f"{self.name} to be paused")

    def _try_pause(self) -> bool:
        try:
            docker("pause", self.name)
        except subprocess.CalledProcessError as error:
            if "freeze" not in error.stderr:
                raise
            return False
        return True

    def execute(self, *words: str, user: str | None = None) -> str:
        """Run a command in the container and return what it printed."""
        return docker("exec", *(("--user", user) if user else ()), self.name, *words)

    def call(self, *words: str, timeout: float = LIMIT) -> "subprocess.CompletedProcess[str]":
        """Run a command in the container and return its code and what it printed."""
        return subprocess.run(
            [DOCKER, "exec", self.name, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def run_beside(
        self, *words: str, options: Sequence[str] = (), timeout: float = 600.0
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program that only tests need in the container's own network, on its loopback."""
        argv = [DOCKER, "run", "--rm", "--network", f"container:{self.name}", *options, TOOLS]
        return subprocess.run(
            [*argv, *words], check=False, capture_output=True, text=True, timeout=timeout
        )

    def logs(self) -> str:
        """Return all that the container has said, both streams."""
        done = subprocess.run(
            [DOCKER, "logs", self.name],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout

    def events(self) -> list[dict[str, Any]]:
        """Return the log's events. Raises ValueError for a line that is not JSON."""
        return [json.loads(line) for line in self.logs().splitlines()]

    def warnings(self) -> list[str]:
        """Return what the agent warns of; its services have words of their own for the same."""
        return [
            event["message"]
            for event in self.events()
            if event["level"] in ("warning", "error") and event["source"] not in SERVICES
        ]

    def status(self) -> dict[str, Any]:
        """Return what `devcopilot status --json` says."""
        document: dict[str, Any] = json.loads(self.execute("devcopilot", "status", "--json"))
        return document

    def has_run(self, job: str) -> bool:
        """Tell whether a job of the agent has run in this life, and runs no more."""
        found = self.status()["jobs"][job]
        return bool(found["runs"] and not found["running"])

    def is_running(self) -> bool:
        """Tell whether the container runs."""
        return self.inspect("{{.State.Running}}") == "true"

    def wait_ready(self) -> None:
        """Wait until every essential service answers. Raises TimeoutError with the log."""
        try:
            fate = wait_until(self._find_fate, "readiness")
        except (TimeoutError, subprocess.TimeoutExpired):
            fate = f"readiness did not happen within {DEADLINE:g} s"
        if fate != READY:
            raise TimeoutError(f"{fate}; the log:\n{self.logs()}")

    def _find_fate(self) -> str:
        if self.call("sh", "-c", UNTIL_READY, timeout=DEADLINE).returncode == 0:
            return READY
        return "" if self.is_running() else "the container ended"

    def wait_exit(self, deadline: float = DEADLINE) -> int:
        """Wait for the container's end and return its exit code. Raises TimeoutError."""
        try:
            return int(docker("wait", self.name, timeout=deadline))
        except subprocess.TimeoutExpired:
            left = f"the container still runs after {deadline:g} s; the log:\n{self.logs()}"
            raise TimeoutError(left) from None

    def stop(self) -> tuple[float, int]:
        """Stop the container; return the seconds that it took and the exit code."""
        start = time.monotonic()
        docker("stop", self.name)
        return time.monotonic() - start, int(self.inspect("{{.State.ExitCode}}"))


def keep_quiet(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options that a recipe lacks so that its container talks to nobody outside.

    What it sets itself counts; one that names a network has nothing but a loopback.
    """
    if "--network" in options:
        return ()
    given = {word.partition("=")[0] for word in options}
    lacking = {name: value for name, value in QUIET.items() if name not in given}
    return tuple(word for name, value in lacking.items() for word in ("-e", f"{name}={value}"))


def leave_health(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the option by which the engine does not ask for the health of a test's container.

    Each question costs a quarter of a second of processor. A recipe that says when to ask wants it.
    """
    asked = any(word.startswith("--health-") for word in options)
    return ("--no-healthcheck",) if IN_TESTS and not asked else ()


@contextmanager
def created(recipe: Recipe) -> Iterator[Container]:
    """Create a container; remove it, with its unnamed volumes, at the end."""
    box = Container(f"dev8-test-{uuid.uuid4().hex[:8]}", find_free_port(), find_free_port())
    ports = (
        *("-p", f"127.0.0.1:{box.ide_port}:8080"),
        *("-p", f"127.0.0.1:{box.ssh_port}:2222"),
    )
    docker(
        "create",
        "--name",
        box.name,
        *(ports if recipe.published else ()),
        *keep_quiet(recipe.options),
        *leave_health(recipe.options),
        *recipe.options,
        recipe.image,
        *recipe.command,
    )
    try:
        yield box
    finally:
        with suppress(subprocess.CalledProcessError):
            docker("rm", "--force", "--volumes", box.name)


@contextmanager
def running(recipe: Recipe) -> Iterator[Container]:
    """Create and start a container; remove it at the end."""
    with created(recipe) as box:
        box.start()
        yield box
