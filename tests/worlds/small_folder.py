"""A folder that can hold only so much, in a mount namespace of its own: a target that gets full.

    with small_folder(tmp_path / "backups", megabytes=20) as small:
        small.run("restic", …)       # only what runs in there sees the folder small
        small.fill(left=100_000)     # bytes that stay free
        small.make_room()

For root it needs nothing else; others need user namespaces, in which they are root. It is tmpfs,
gone at the end.
For a container: `small_volume`.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.worlds.needs import need
from tests.worlds.programs import Awaited

MEGABYTE = 1_000_000
_MOUNT = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec cat'
_ROOT = ("unshare", "--mount", "--propagation", "private")
_OTHER = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private")


@dataclass(frozen=True)
class SmallFolder:
    """The folder, and who holds its namespace."""

    path: Path
    holder: int
    """The process; the namespace ends with it."""

    def argv(self, *words: str) -> list[str]:
        """Return the words of a command that runs in there; who is not root here is so in there."""
        enter = ["nsenter", "--target", str(self.holder), "--mount"]
        if os.getuid():
            enter += ["--user", "--preserve-credentials"]
        return [*enter, f"--wd={Path.cwd()}", *words]

    def run(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in there."""
        return subprocess.run(
            self.argv(*words), check=False, capture_output=True, text=True, timeout=300,
            env={**os.environ, **environ},
        )  # fmt: skip

    @property
    def inside(self) -> Path:
        """Return the path by which all see what is in there."""
        return Path(f"/proc/{self.holder}/root{self.path}")

    def fill(self, left: int = 0) -> None:
        """Fill it up with one file, but for some bytes."""
        space = os.statvfs(self.inside)
        size = max(0, space.f_bavail * space.f_frsize - left)
        with (self.inside / "filling").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, size))

    def make_room(self) -> None:
        """Remove what filled it."""
        (self.inside / "filling").unlink()


@contextmanager
def small_folder(path: Path, megabytes: float, owner: int | None = None) -> Iterator[SmallFolder]:
    """Make `path`, which exists, hold only so much; `owner` is the uid that it belongs to."""
    options = f"size={int(megabytes * MEGABYTE)},mode=0700"
    if owner is not None and os.getuid() == 0:
        options += f",uid={owner},gid={owner}"
    unshare = _OTHER if os.getuid() else _ROOT
    argv = [*unshare, "sh", "-c", _MOUNT, "sh", options, str(path.resolve())]
    with Awaited[bytes](
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if process.stdout.readline() != b"mounted\n":
            need(False, f"no mount namespace: {process.stderr.read().decode()}")
        yield SmallFolder(path.resolve(), process.pid)
        process.stdin.close()  # which ends `cat`


def small_volume(target: str, megabytes: float, owner: int = 1000) -> tuple[str, ...]:
    """Return docker's options for a small folder; it is empty again after the container's end."""
    size = f"size={int(megabytes * MEGABYTE)}"
    # Written as --mount's csv: an option with a comma in it is quoted.
    options = f'"volume-opt=o={size},uid={owner},gid={owner}"'
    words = f"type=volume,dst={target},volume-opt=type=tmpfs,volume-opt=device=tmpfs"
    return ("--mount", f"{words},{options}")
