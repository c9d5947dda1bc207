"""A second dockerd, whose containers have a user namespace of their own: root there is nobody here.

It shares nothing with the daemon that the other tests use: it has its own folders, socket and
bridge, and the range of uids stands in files that only its own mount namespace sees. It is PID 1 of
a PID namespace, so everything that it started ends with it, and it ends with the test's process.
There is one at a time on a machine: what lies there before, a run that was killed has left.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.worlds.bound import BOUND
from tests.worlds.containers import DOCKER
from tests.worlds.needs import need
from tests.worlds.side_by_side import hold
from tests.worlds.waiting import wait_until

FIRST_UID = 100_000
USER = "dev8-remap"
BRIDGE = "dev8-remap0"
ADDRESS = "10.213.87.1/24"
LOAD_TIMEOUT = 600.0
REMAPPED = "remapped"
"""The group of all tests with this daemon: the worker of one would wait for another."""
PREFIX = "dev8-remap-"
"""Of the folders."""
LOCK = Path(tempfile.gettempdir()) / "dev8-remap.lock"
"""Held by who runs the daemon."""

START = r"""
cp /etc/passwd /etc/group .
echo "$1:x:64000:64000::/:/bin/false" >>passwd
echo "$1:x:64000:" >>group
echo "$1:$2:65536" | tee subuid >subgid
for name in passwd group subuid subgid; do mount --bind $name /etc/$name; done
shift 2
exec "$@"
"""
"""Gives the user a range of uids in this mount namespace alone, then becomes the daemon."""


@contextmanager
def remapped_engine(*archives: Path) -> Iterator[None]:
    """Run the daemon with images that another has saved; the engine's command talks to it."""
    with started_engine(*archives) as socket, talking_to(socket):
        yield


@contextmanager
def talking_to(socket: str) -> Iterator[None]:
    """Let the engine's command talk to the daemon of this socket until the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", socket)
        yield


@contextmanager
def started_engine(*archives: Path) -> Iterator[str]:
    """Run the daemon with images that another has saved; yield its socket."""
    with ExitStack() as stack:
        stack.enter_context(hold(LOCK))
        clear()
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX)))
        folder.chmod(0o711)  # the remapped root passes through
        stack.enter_context(bridge())
        socket = f"unix://{folder}/socket"
        stack.enter_context(daemon(folder, socket))
        for archive in archives:
            load(archive, socket)
        yield socket


def clear() -> None:
    """Remove what a run that was killed has left; its processes have ended with it."""
    if Path("/sys/class/net", BRIDGE).exists():
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        shutil.rmtree(folder)


def load(archive: Path, socket: str) -> None:
    """Hand the daemon an image."""
    subprocess.run([DOCKER, "--host", socket, "load", "--input", archive], check=True,
                   capture_output=True, timeout=LOAD_TIMEOUT)  # fmt: skip


@contextmanager
def bridge() -> Iterator[None]:
    """Make the daemon's own network; without rules of a firewall, it ends at this machine.

    `--bridge=none` would remove docker0 from under the other daemon.
    """
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", ADDRESS, "dev", BRIDGE], check=True)
        subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)


@contextmanager
def daemon(folder: Path, socket: str) -> Iterator[None]:
    """Run dockerd in namespaces of its own until the end."""
    argv = [*BOUND, "unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child",
            "sh", "-euc", START, "sh", USER, str(FIRST_UID),
            "dockerd", "--host", socket, "--data-root", f"{folder}/data",
            "--exec-root", f"{folder}/exec", "--pidfile", f"{folder}/pid",
            "--userns-remap", USER, "--bridge", BRIDGE,
            "--iptables=false", "--ip6tables=false", "--ip-masq=false"]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)  # fmt: skip
    try:
        wait_until(lambda: process.poll() is not None or answers(socket), "a second dockerd")
        assert process.poll() is None, (folder / "log").read_text()
        yield
    finally:
        for child in psutil.Process(process.pid).children():
            child.terminate()
        process.wait(timeout=60)


def answers(socket: str) -> bool:
    """Tell whether a daemon answers there."""
    done = subprocess.run(
        [DOCKER, "--host", socket, "version"], check=False, capture_output=True, timeout=120
    )
    return done.returncode == 0


def need_remapping() -> None:
    """Go on if this machine can run such a daemon."""
    hindrance = find_hindrance()
    need(not hindrance, f"no user namespaces: {hindrance}")


def find_hindrance() -> str | None:
    """Return why this machine cannot run such a daemon, or None."""
    if Path(DOCKER).name == "podman":
        return "it is for docker's daemon, and the engine here is podman"
    if os.geteuid() != 0:
        return "only root can start a second dockerd"
    if "DOCKER_HOST" in os.environ:
        return "the daemon of DOCKER_HOST may run on another machine"
    return None
