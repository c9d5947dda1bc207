"""One at a time: no backup while another, a check or a restore works on the same home."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from agent.backup import locks
from agent.errors import AgentError, Problem
from agent.system import Facts

FILE = "backup/lock"
"""In the state folder; it holds what the one who locked it does."""


PAUSE = 0.1
"""Seconds between two tries to be the one who holds it."""


class BusyError(AgentError):
    """Somebody else works on the backups."""


@contextlib.contextmanager
def hold(
    facts: Facts, doing: str, *, patience: float = 0.0, tell: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Keep all others away; `doing` is told to them, as in "a backup is being made".

    Another one who was first is waited for, for `patience` seconds; `tell` gets what it does.
    Raises BusyError when it has not ended by then, AgentError when there can be no lock.
    """
    path = facts.state / FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(Problem(f"cannot write {path}: {error.strerror}")) from error
    try:
        if not _take(descriptor):
            tell(_find_holder(descriptor))
            _wait(descriptor, patience)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{doing} (process {os.getpid()})".encode(), 0)
        locks.remember_host(facts)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(PAUSE)
        if _take(descriptor):
            return
    problem = Problem(f"cannot begin: {_find_holder(descriptor)}", "try again when it is done")
    raise BusyError(problem)


def _find_holder(descriptor: int) -> str:
    """Return what the one who holds it does."""
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "it is in use"
