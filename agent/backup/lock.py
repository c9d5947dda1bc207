"""One at a time: no backup while another, a check or a restore works on the same home."""

import contextlib
import fcntl
import os
from collections.abc import Iterator

from agent.backup import locks
from agent.errors import AgentError, Problem
from agent.system import Facts

FILE = "backup/lock"
"""In the state folder; it holds what the one who locked it does."""


class BusyError(AgentError):
    """Somebody else works on the backups."""


@contextlib.contextmanager
def hold(facts: Facts, doing: str) -> Iterator[None]:
    """Keep all others away; `doing` is told to them, as in "a backup is being made".

    Raises BusyError at once when one of them was first, AgentError when there can be no lock.
    """
    path = facts.state / FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AgentError(Problem(f"cannot write {path}: {error.strerror}")) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.pread(descriptor, 200, 0).decode(errors="replace") or "it is in use"
            problem = Problem(f"cannot begin: {other}", "try again when it is done")
            raise BusyError(problem) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{doing} (process {os.getpid()})".encode(), 0)
        locks.remember_host(facts)
        yield
    finally:
        os.close(descriptor)
