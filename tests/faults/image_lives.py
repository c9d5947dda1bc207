"""A life in a container of dev8-mvp: code-server, sshd, a gallery of extensions and npm's registry.

It is looked at and disturbed as any other; what runs in it is killed from outside.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import WORKSPACE_UID, Login
from tests.e2e.registry import Registry
from tests.faults.life import Life
from tests.pid1.boxes import Box
from tests.worlds.containers import DOCKER, HARDENED, MVP, Container, Recipe, running
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

PORT = 9123
EXTENSION = "octo.good"
TOOL = "gemini"
LOCKS = "/usr/local/share/devcopilot/ai"
BROUGHT = (f"extensions:{EXTENSION}", f"tools:{TOOL}")
"""Units that are carried out again, and again."""
GALLERY = f'{{"serviceUrl": "http://127.0.0.1:{PORT}/gallery"}}'
RUNTIME = f"/dev/shm/devcopilot-{WORKSPACE_UID}"
PROGRAM = ("/usr/local/bin/devcopilot",)
E2E = Path(__file__).parents[1] / "e2e"


class ContainerBox(Box):
    """A container in the place of a namespace: the same questions, asked of the engine."""

    def __init__(self, container: Container) -> None:
        self.container = container
        self.deadline = 60.0
        self.process = subprocess.Popen([DOCKER, "wait", container.name], stdout=subprocess.PIPE)

    @property
    def pid(self) -> int:
        return int(self.container.inspect("{{.State.Pid}}"))

    @property
    def out(self) -> str:
        return self.container.logs()

    @property
    def err(self) -> str:
        return ""

    def wait(self, deadline: float | None = None) -> int:
        said, _ = self.process.communicate(timeout=deadline or self.deadline)
        return int(said)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.send(number)
        return self.wait()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Sessions:
    """People who are logged in over ssh, from inside the container's network."""

    def __init__(self, life: Life, login: Login) -> None:
        self._login = login
        self._enter = ("nsenter", f"--target={life.pid}", "--net")
        self.open: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a session that runs a command."""
        argv = (
            *self._enter, "ssh", *self._login.options(), "-o", "ConnectTimeout=10", "-p", "2222",
            "dev8@127.0.0.1", *words,
        )  # fmt: skip
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def log_in(self) -> None:
        """Be logged in for long; returns when the command runs. sshd may be on its way back."""
        wait_until(self._log_in_once, "a login", 60)

    def _log_in_once(self) -> bool:
        process = self.start("echo here; exec sleep 100000")
        assert process.stdout
        if process.stdout.readline() != b"here\n":
            process.communicate()
            return False
        self.open.append(process)
        return True

    def can_log_in(self) -> bool:
        """Tell whether somebody else gets in now."""
        said, _ = self.start("echo in").communicate(timeout=60)
        return said == b"in\n"

    def count(self) -> int:
        """Return how many are still logged in."""
        return sum(process.poll() is None for process in self.open)

    def end(self) -> None:
        for process in self.open:
            process.kill()
            process.communicate()
        self.open.clear()


@contextmanager
def serving_gallery(registry: Registry) -> Iterator[None]:
    """Run a gallery with one extension in the registry's network."""
    pid = registry.box.inspect("{{.State.Pid}}")
    argv = ("nsenter", f"--target={pid}", "--net", sys.executable, E2E / "gallery.py", str(PORT))
    environ = {**os.environ, "PYTHONPATH": str(E2E.parent / "worlds")}
    with Awaited[bytes]([*argv, EXTENSION], env=environ, stderr=subprocess.DEVNULL) as gallery:
        yield
        gallery.kill()


@contextmanager
def living_in_image(registry: Registry, locks: Path, login: Login) -> Iterator[Life]:
    """Start a container in which all kinds of units of the image have something to do."""
    variables = {
        "DEV8_EXTENSIONS": EXTENSION, "DEV8_EXTENSIONS_GALLERY": GALLERY,
        "DEV8_AI_TOOLS": TOOL, "GEMINI_API_KEY": "AIzaFaults0123456789",
        "SSH_PUBLIC_KEY": login.public, "DEV8_LOG_FORMAT": "json",
    }  # fmt: skip
    words = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    options = (*HARDENED, *registry.options, *words, "-v", f"{locks}:{LOCKS}:ro")
    with running(Recipe(MVP, options, published=False)) as container:
        container.wait_ready()
        rows = container.inspect("{{range .Config.Env}}{{println .}}{{end}}").splitlines()
        environ = dict(row.split("=", 1) for row in rows if row)
        with looking_into(container, environ) as life:
            yield life


@contextmanager
def looking_into(container: Container, environ: Mapping[str, str]) -> Iterator[Life]:
    """Have a container as a life; what is started beside it gets this environment."""
    box = ContainerBox(container)
    place = {**environ, "HOME": "/home/dev8"}
    try:
        yield Life(Path("/"), box, 0, RUNTIME, WORKSPACE_UID, PROGRAM, place)
    finally:
        box.close()


def bring(life: Life) -> str:
    """Have the extension and the tool brought, undisturbed; return what was wrong."""
    for unit in BROUGHT:
        forget(life)
        process = life.open("rerun", unit, output=subprocess.PIPE)
        said, problem = process.communicate(timeout=180)
        if process.returncode:
            return f"{unit} did not come: {said!r} {problem!r}"
    return ""


def forget(life: Life) -> None:
    """Remove the extension's and the tool's files, so that both are brought again."""
    home = Path(f"/proc/{life.pid}/root/home/dev8/.local/share")
    shutil.rmtree(home / "devcopilot/tools", ignore_errors=True)
    for path in (home / "code-server/extensions").glob(f"{EXTENSION}*"):
        shutil.rmtree(path, ignore_errors=True)
