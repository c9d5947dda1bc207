"""Containers that come and go on the same volumes, for tests that kill what works in them.

Each is a PID and a UTS namespace of its own: a new hostname, process ids from 1 on, and nothing
left when it is killed. What stays are the folders of the home and the workspace, and the server
that keeps the backups.
"""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.contract.homes import NOBODY
from tests.worlds.backup_servers import Server
from tests.worlds.bound import BOUND
from tests.worlds.waiting import wait_until

PASSWORD = "a password"
AGENT = (sys.executable, "-I", "-m", "agent")
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
LONGEST = 300.0
"""Seconds that any command may take."""


@dataclass
class Container:
    """A life of the workspace: a namespace in which commands run as an unprivileged user."""

    environ: dict[str, str]
    process: "subprocess.Popen[bytes]"
    """`unshare`, whose only child is PID 1."""

    @property
    def pid(self) -> int:
        """Return PID 1's number outside."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(wait_until(lambda: path.read_text().split(), "a child of unshare")[0])

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start `devcopilot` with these words."""
        enter = ("nsenter", "--target", str(self.pid), "--pid", "--uts", "--mount")
        return subprocess.Popen(
            [*enter, *AS_NOBODY, *AGENT, *words], env=self.environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, str]:
        """Run `devcopilot` to its end; return its exit code and what it said."""
        process = self.start(*words)
        try:
            said, _ = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return process.returncode, said

    def kill_restic(self) -> bool:
        """Kill a restic that runs in it; tell whether there was one."""
        namespace = Path(f"/proc/{self.pid}/ns/pid").readlink()
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, FileNotFoundError):
                if process.name() != "restic":
                    continue
                if Path(f"/proc/{process.pid}/ns/pid").readlink() == namespace:
                    process.kill()
                    return True
        return False

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it as a crash of its machine would."""
        if self.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Volumes:
    """What outlives the containers: home, workspace and the server of the backups."""

    folder: Path
    server: Server
    lives: int = 0
    now: Container | None = field(default=None, repr=False)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def make(self) -> None:
        """Make the folders, empty."""
        for path in (self.home, self.workspace):
            path.mkdir(mode=0o700)
            os.chown(path, NOBODY, NOBODY)

    def begin(self) -> Container:
        """Start a container in which the agent is configured; the one before it is killed."""
        self.end()
        self.lives += 1
        runtime = self.folder / f"run-{self.lives}"
        runtime.mkdir(mode=0o700)
        os.chown(runtime, NOBODY, NOBODY)
        environ = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "WORKSPACE_DIR": str(self.workspace),
            "DEV8_RUNTIME_DIR": str(runtime),
            "DEV8_BACKUP_PASSWORD": PASSWORD,
            "DEV8_BACKUP_KEEP": "last=1000",
            "DEV8_SSH": "false",
            "DEV8_CODE_SERVER": "false",
            **self.server.variables,
        }
        name = uuid.uuid4().hex[:12]
        words = ("--pid", "--fork", "--kill-child", "--uts", "--mount-proc", "sh", "-c",
                 'hostname "$1"; exec sleep infinity', "sh", name)  # fmt: skip
        self.now = Container(
            environ, subprocess.Popen([*BOUND, "unshare", *words], stderr=subprocess.DEVNULL)
        )
        code, said = self.now.run("configure", "--boot")
        assert code == 0, said
        return self.now

    def end(self) -> None:
        """Kill the container, if there is one."""
        if self.now:
            self.now.kill()
            shutil.rmtree(self.now.environ["DEV8_RUNTIME_DIR"], ignore_errors=True)

    def lose_home(self) -> None:
        """Lose the home, with all that the agent knew."""
        self.end()
        shutil.rmtree(self.home)
        self.home.mkdir(mode=0o700)
        os.chown(self.home, NOBODY, NOBODY)


@contextmanager
def living(folder: Path, server: Server) -> Iterator[Volumes]:
    """Give the volumes of a workspace, and end its last container."""
    folder.mkdir()
    folder.chmod(0o755)
    volumes = Volumes(folder, server)
    volumes.make()
    try:
        yield volumes
    finally:
        volumes.end()
