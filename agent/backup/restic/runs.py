"""Programs that were started here, may leave a lock in a repository, and may be gone by now.

Each has a file of its own in the state folder, and holds a lock on it (flock) for as long as it
lives: the kernel gives that up when the program and all that it started are gone, however they
ended, also with their container. So a file whose lock is free is that of a dead program, on the
machine, and in the time since that started, of which the file tells.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from agent.machine.light.files import SECRET, read_file
from agent.machine.system import Facts
from agent.machine.values import frozen

FOLDER = "backup/runs"
"""In the state folder."""
LONGEST = 48 * 3600.0
"""Seconds after which the file of a dead program is of no use: its lock is dead by its age."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
SKEW = 2.0
"""Seconds by which a program's lock may seem older than the program: clocks are coarse."""


@frozen
class Run:
    """A program that was started here."""

    hostname: str
    pid: int
    """In its container."""
    began: float
    """Seconds since the epoch."""
    boot: str
    """The machine's id since it was started."""

    def wrote(self, hostname: str, pid: int, moment: float) -> bool:
        """Tell whether a lock that was written at this moment was this program's."""
        return (hostname, pid) == (self.hostname, self.pid) and moment >= self.began - SKEW


@frozen
class Entry:
    """The file of a program that is being started."""

    descriptor: int | None = None
    """The program inherits it; None: there can be no file."""
    path: Path | None = None

    def note(self, pid: int) -> None:
        """Write down which program it is."""
        if self.descriptor is None:
            return
        run = Run(socket.gethostname(), pid, time.time(), read_boot())
        with contextlib.suppress(OSError):
            os.pwrite(self.descriptor, json.dumps(asdict(run)).encode(), 0)

    def forget(self) -> None:
        """Remove it: the program has ended, and has taken its locks away."""
        if self.path:
            with contextlib.suppress(OSError):
                self.path.unlink()


@contextlib.contextmanager
def register(facts: Facts) -> Iterator[Entry]:
    """Yield the entry of a program that is to be started and inherits its descriptor."""
    entry = open_entry(facts)
    try:
        yield entry
    finally:
        if entry.descriptor is not None:
            os.close(entry.descriptor)


def open_entry(facts: Facts) -> Entry:
    """Return a new entry; an empty one where the state folder takes none."""
    folder = facts.state / FOLDER
    descriptor = None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / secrets.token_hex(8)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if descriptor is not None:
            os.close(descriptor)
        return Entry()
    return Entry(descriptor, path)


def find_gone(facts: Facts) -> tuple[Run, ...]:
    """Return the programs that are gone and may have left a lock; forget those of long ago."""
    try:
        paths = list((facts.state / FOLDER).iterdir())
    except OSError:
        return ()
    boot = read_boot()
    found = (run for path in paths if (run := _read_gone(path)))
    return tuple(run for run in found if boot and run.boot == boot)


def _read_gone(path: Path) -> Run | None:
    """Return the program of a file if it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if time.time() - os.fstat(descriptor).st_mtime > LONGEST:
            path.unlink()
        return Run(**json.loads(os.pread(descriptor, 4096, 0)))
    except (OSError, ValueError, TypeError):
        return None
    finally:
        os.close(descriptor)


def read_boot() -> str:
    """Return the machine's id since it was started; empty: nobody knows."""
    try:
        return read_file(BOOT, SECRET).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""
