"""What breaks a life on purpose, and how it is put right again."""

import contextlib
import shutil
import subprocess
from pathlib import Path

from tests.faults.life import Life


def fill(life: Life, disk: str) -> None:
    """Leave not a byte on a disk: `home` or `disk`."""
    file = Path(f"/proc/{life.pid}/root{life.folder}/{disk}/filling")
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(65536))
    with contextlib.suppress(OSError), file.open("ab", buffering=0) as filling:
        while True:
            filling.write(b"0")


def fill_inodes(life: Life, disk: str) -> None:
    """Leave room for no further file."""
    folder = Path(f"/proc/{life.pid}/root{life.folder}/{disk}/filling")
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in range(10**7):
            (folder / str(number)).touch()


def make_room(life: Life, disk: str) -> None:
    path = Path(f"/proc/{life.pid}/root{life.folder}/{disk}/filling")
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def make_read_only(life: Life, disk: str) -> None:
    """Let nothing on a disk be changed; who has a file open can go on, as on a broken disk."""
    path = f"{life.folder}/{disk}"
    life.as_root("mount", "--bind", path, path)
    life.as_root("mount", "-o", "remount,bind,ro", path)


def make_writable(life: Life, disk: str) -> None:
    life.as_root("mount", "-o", "remount,bind,rw", f"{life.folder}/{disk}")


def limit_processes(life: Life, most: int | None) -> None:
    """Let its user have no more processes than these; None: no limit."""
    limit = "unlimited" if most is None else str(most)
    for pid in (life.pid, *life.box.processes()):
        words = (
            "setpriv",
            "--reuid",
            str(life.user),
            "prlimit",
            f"--pid={pid}",
            f"--nproc={limit}:",
        )
        subprocess.run(words, capture_output=True, timeout=20, check=False)
