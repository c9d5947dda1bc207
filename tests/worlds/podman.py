"""podman with storage, network and processes of its own: all of it ends with the test's process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.worlds.needs import need
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
CONF = TOP / "scripts/lib/containers.conf"
PROGRAMS = ("podman", "catatonit", "nsenter", "unshare")
HOLD = """
import fcntl, signal, socket, struct, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
print("ready", flush=True)
sys.stdin.read()
"""
"""PID 1 of a PID namespace with a network of its own, until its standard input ends."""
HIDE = 'mkdir -p /var/lib/cni && mount -t tmpfs tmpfs /var/lib/cni && exec "$@"'
"""Where the plugins for networks note addresses, whatever folders podman is given."""


@dataclass(frozen=True)
class Podman:
    """The command, its folder, and how to enter its namespaces."""

    folder: Path
    enter: tuple[str, ...]

    def __call__(self, *words: str | Path) -> str:
        """Run the command in its folder, and return what it printed. Raises CalledProcessError."""
        options = ("--root", self.folder / "store", "--runroot", self.folder / "run",
                   "--tmpdir", self.folder / "tmp", "--storage-driver", "overlay")  # fmt: skip
        return self.run("podman", *options, *words)

    def run(self, *words: str | Path) -> str:
        """Run any program where its containers' ports are published."""
        environ = {**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")}
        done = subprocess.run(
            [*self.enter, "env", "--chdir", self.folder, *words], env=environ, check=False,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@contextmanager
def private_podman(folder: Path, archive: Path) -> Iterator[Podman]:
    """Yield a podman that has the image that an engine has saved."""
    for name in PROGRAMS:
        need(shutil.which(name), f"needs {name}, which scripts/programs.sh installs")
    need(os.getuid() == 0, "needs root")
    (folder / "containers.conf").write_text(
        f'{CONF.read_text()}[network]\nnetwork_config_dir = "{folder}/networks"\n'
    )
    words = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
    hold = subprocess.Popen(
        [*words, "sh", "-c", HIDE, "sh", sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert hold.stdout and hold.stdout.readline() == b"ready\n"
        (first,) = psutil.Process(hold.pid).children()
        enter = ("nsenter", "--target", str(first.pid), "--net", "--mount", "--pid")
        podman = Podman(folder, enter)
        podman("load", "--quiet", "--input", archive)
        yield podman
    finally:
        hold.communicate(timeout=120)
        wait_until(lambda: not find_mounts(folder), "unmounting its storage")


def find_mounts(folder: Path) -> list[str]:
    """Return what is mounted below the folder, as this process sees it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in lines if str(folder) in line.split()[4]]
