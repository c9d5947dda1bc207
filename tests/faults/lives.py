"""A whole life of the agent, all its jobs and units included, in a namespace that tests can break.

`devcopilot run` is PID 1 of a PID namespace, as an unprivileged user, with a mount namespace in
which its folders are small disks. What an image brings besides, code-server above all, is missing.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.services import supervisord
from tests.pid1.boxes import BLOCKED, ENVIRONMENT, PYTHON, Box, Namespace, give
from tests.worlds import git_host
from tests.worlds.containers import find_free_port
from tests.worlds.needs import need
from tests.worlds.waiting import wait_until

USER = 54321
"""Nobody else's: its processes can be limited."""
PLAIN = ("unshare", "--fork", "--pid", "--mount", "--mount-proc", "--kill-child")
AS_USER = ("setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups")
HOME = 'mount -t tmpfs -o size=64m,nr_inodes=20000,mode=0777 tmpfs "$1/home"'
DISK = 'mount -t tmpfs -o size=8m,nr_inodes=4000,mode=0777 tmpfs "$1/disk"'
GO = 'shift && exec "$@"'
LEAN = {"DEV8_REPOSITORIES": "", "DEV8_DOTFILES": "", "DEV8_ON_CREATE": "", "DEV8_ON_START": "",
        "DEV8_ON_STOP": "", "BACKUP_DIR": "", "DEV8_IDLE_TIMEOUT": "off"}  # fmt: skip
"""Variables of a life with the services, and with no unit and few jobs."""
READY_LINE = '"message": "READY'
TOKEN = "ghp_" + "f" * 36
SETTLED = 180.0
"""Seconds until everything is as before: back-off, and a first backup at the lowest priority."""


def make_environment(folder: Path, origin: str, page: int) -> dict[str, str]:
    """Return variables that have every job and every unit run."""
    return {
        **ENVIRONMENT, "PATH": os.environ["PATH"],
        "HOME": str(folder / "home/user"), "WORKSPACE_DIR": str(folder / "home/work"),
        "DEV8_RUNTIME_DIR": str(folder / "disk/run"), "DEV8_SERVICES_DIR": str(folder / "d"),
        "DEV8_LOG_FORMAT": "json", "DEV8_LOG_LEVEL": "info", "DEV8_SSH": "false",
        "DEV8_CODE_SERVER": "false", "DEV8_AI_TOOLS": "off",
        "DEV8_GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_TOKEN": TOKEN,
        "DEV8_REPOSITORIES": f"{origin}/octo/demo", "DEV8_DOTFILES": f"{folder}/dots",
        "DEV8_ON_CREATE": "sh -c 'sleep 0.1'", "DEV8_ON_START": "sh -c 'sleep 0.1'",
        "DEV8_ON_STOP": "true", "DEV8_PAGE_PORT": str(page),
        "BACKUP_DIR": str(folder / "backups"), "DEV8_BACKUP_PASSWORD": "a password of a test",
        "DEV8_IDLE_TIMEOUT": "4h", "DEV8_IDLE_ACTION": "true",
    }  # fmt: skip


SERVICES = ("one", "two", "three")
"""The first is essential."""
KEPT = {
    "log process": "agent.init.logger", "watch": "agent.init --booted", "listener": "/listener",
}  # fmt: skip
"""What is always there besides the services, and words of its command line."""


@dataclass(frozen=True)
class Ground:
    """What a life finds where it begins; further lives may follow."""

    folder: Path
    origin: str
    """Address of the host of its repository."""


@dataclass
class Life:
    """One life, and how to look at it and to disturb it."""

    folder: Path
    box: Box
    page: int
    _pid: int = 0

    @property
    def run(self) -> Path:
        """The runtime folder as it is seen from here."""
        return Path(f"/proc/{self.pid}/root{self.folder}/disk/run")

    @property
    def pid(self) -> int:
        self._pid = self._pid or self.box.pid
        return self._pid

    def wait_ready(self) -> None:
        self.box.wait_for(READY_LINE, 60.0)

    def state(self) -> dict[str, Any]:
        """Return what init says of itself."""
        return dict(json.loads((self.run / "state.json").read_bytes()))

    def services(self) -> dict[str, supervisord.ServiceState]:
        """Ask supervisord; a short path leads to its socket."""
        with suppress(OSError):
            return supervisord.query_states(self.run, 5.0)
        return {}

    def all_run(self) -> bool:
        """Tell whether every service has a process."""
        found = self.services()
        return bool(found) and all(state.pid for state in found.values())

    def open(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a verb in there, as a person does by `docker exec`."""
        enter = ("nsenter", "--target", str(self.pid), "--pid", "--mount", "--wd=/")
        environ = {
            **ENVIRONMENT, "HOME": str(self.folder / "home/user"), "PATH": os.environ["PATH"],
            "DEV8_RUNTIME_DIR": str(self.folder / "disk/run"),
        }  # fmt: skip
        return subprocess.Popen(
            [*enter, *AS_USER, *PYTHON, "-m", "agent", *words], env=environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def tail(self) -> str:
        """Return the newest lines of both outputs."""
        lines = [*self.box.out.splitlines()[-25:], *self.box.err.splitlines()[-10:]]
        return "\n".join(lines)

    def as_root(self, *words: str) -> None:
        """Run a program as root in its mount namespace."""
        enter = ("nsenter", "--target", str(self.pid), "--mount", "--wd=/")
        subprocess.run([*enter, *words], check=True, capture_output=True, timeout=60)

    def fill(self, disk: str) -> None:
        """Leave not a byte on a disk: `home` or `disk`."""
        file = Path(f"/proc/{self.pid}/root{self.folder}/{disk}/filling")
        with contextlib.suppress(OSError), file.open("wb", buffering=0) as filling:
            while True:
                filling.write(bytes(65536))
        with contextlib.suppress(OSError), file.open("ab", buffering=0) as filling:
            while True:
                filling.write(b"0")

    def fill_inodes(self, disk: str) -> None:
        """Leave room for no further file."""
        folder = Path(f"/proc/{self.pid}/root{self.folder}/{disk}/filling")
        folder.mkdir()
        with contextlib.suppress(OSError):
            for number in range(10**7):
                (folder / str(number)).touch()

    def make_room(self, disk: str) -> None:
        path = Path(f"/proc/{self.pid}/root{self.folder}/{disk}/filling")
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    def make_read_only(self, disk: str) -> None:
        """Let nothing on a disk be changed; who has a file open can go on, as on a broken disk."""
        path = f"{self.folder}/{disk}"
        self.as_root("mount", "--bind", path, path)
        self.as_root("mount", "-o", "remount,bind,ro", path)

    def make_writable(self, disk: str) -> None:
        self.as_root("mount", "-o", "remount,bind,rw", f"{self.folder}/{disk}")

    def limit_processes(self, most: int | None) -> None:
        """Let its user have no more processes than these; None: no limit."""
        limit = "unlimited" if most is None else str(most)
        for pid in (self.pid, *self.box.processes()):
            words = (
                "setpriv",
                "--reuid",
                str(USER),
                "prlimit",
                f"--pid={pid}",
                f"--nproc={limit}:",
            )
            subprocess.run(words, capture_output=True, timeout=20, check=False)

    def start_job(self, name: str) -> None:
        """Have init start a job, the way it is started in real life, or by its next run."""
        if name == "refresh":
            os.kill(self.pid, signal.SIGUSR1)
        elif name == "broker":
            self._connect(self.run / "broker.sock")
        elif name == "serve":
            self._open_page()
        elif name == "idle":
            path = self.run / "activity/due"
            with suppress(OSError):
                path.touch()
                os.chown(path, USER, USER)
                os.utime(path)
        elif name == "setup":
            path = self.run / "units/poke"
            with suppress(OSError):
                path.parent.mkdir(exist_ok=True)
                path.touch()
                os.chown(path, USER, USER)
                os.utime(path)

    def _connect(self, path: Path) -> None:
        script = (
            "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.settimeout(2)\n"
            "s.connect(sys.argv[1])\ns.close()\n"
        )
        subprocess.run([*PYTHON, "-c", script, str(path)], capture_output=True, check=False)

    def _open_page(self) -> None:
        with suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.page}/", timeout=5).read()

    def count_descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def find_memory(self) -> int:
        """Return init's own memory in kB: the private part, which neighbours do not change."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        rows = (line.split() for line in text.splitlines() if line.startswith("Private_"))
        return sum(int(row[1]) for row in rows)

    def is_calm(self) -> bool:
        """Tell whether everything is as it should be, and at rest."""
        state = self.state()
        busy = any(job["running"] for job in state["jobs"].values())
        kept = all(self.box.find(words) for words in KEPT.values())
        ready = state["phase"] == "ready"
        return ready and not busy and kept and self.all_run() and not self.zombies()

    def wait_calm(self) -> None:
        def is_calm() -> bool:
            with suppress(OSError, ValueError):
                return self.is_calm()
            return False

        try:
            wait_until(is_calm, "calm", SETTLED)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.describe()}") from None

    def describe(self) -> str:
        """Return what lives, what init says, and the newest lines."""
        state = self.state()
        busy = [name for name, job in state["jobs"].items() if job["running"]]
        services = {name: found.description for name, found in self.services().items()}
        return f"{busy=} {services=} {self.box.processes()} {self.tail()}"

    def find_service(self, name: str) -> int:
        """Return the process of a service; 0: it has none now."""
        words = f"sleep {100_001 + SERVICES.index(name)}"
        return self.box.find(words) or 0

    def zombies(self) -> list[int]:
        return [pid for pid, words in self.box.processes().items() if not words and is_dead(pid)]

    def stop(self) -> int:
        return self.box.stop()


def is_dead(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def add_service(folder: Path, name: str, script: str, *, essential: bool = False) -> None:
    """Add a service of the user's own."""
    words = json.dumps(["sh", "-c", script])
    text = f"command = {words}\nessential = {str(essential).lower()}\n"
    text += 'probe = { command = ["true"] }\n'
    (folder / "d" / f"{name}.toml").write_text(text)


@contextmanager
def laid_ground() -> Iterator[Ground]:
    """Make what a life finds: disks to mount on, a repository, dotfiles, three services."""
    need(os.getuid() == 0, "only root can make small disks and limit a user")
    folder = Path(tempfile.mkdtemp(prefix="life-"))
    folder.chmod(0o755)
    for name in ("home", "disk", "d", "backups"):
        (folder / name).mkdir()
    (folder / "dots").mkdir()
    (folder / "dots/install.sh").write_text("#!/bin/sh\nexit 0\n")
    (folder / "dots/install.sh").chmod(0o755)
    for number, name in enumerate(SERVICES, 100_001):
        script = f"echo begun {name}; exec sleep {number}"
        add_service(folder, name, script, essential=name == "one")
    os.chown(folder, USER, USER)
    give(folder)
    with git_host.serve(folder / "host") as host:
        host.add("octo/demo", {"README.md": "a demo\n"})
        yield Ground(folder, host.url)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def living(
    ground: Ground,
    *,
    variables: Mapping[str, str] | None = None,
    before: str = HOME,
    way: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Life]:
    """Start a life on this ground.

    `before` is what root does first, in a shell: without HOME it stays for the next life.
    `way` is put before that, `options` are the box's.
    """
    folder, page = ground.folder, find_free_port()
    places = f"mkdir -p {folder}/home/user {folder}/home/work"
    words = (
        *PLAIN, *way, "sh", "-c", f"{before} && {DISK} && {GO}", "sh", str(folder), *AS_USER,
        "sh", "-c", f'{places} && exec "$@"', "sh",
    )  # fmt: skip
    program = (*BLOCKED, *PYTHON, "-m", "agent", "run", "--", *command)
    environment = {**make_environment(folder, ground.origin, page), **(variables or {})}
    box = Box(Namespace(words, USER), folder, program, environment=environment, **options)
    box.deadline = 60.0
    try:
        yield Life(folder, box, page)
    finally:
        box.close()
