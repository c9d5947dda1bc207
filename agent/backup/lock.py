"""One at a time: no backup while another, a check or a restore works on the same home.

Who works by a schedule makes way for a person: it looks whether somebody waits, and ends then.
That somebody waits is a lock as well, so that nothing is left of one who was killed.
"""

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from agent.backup.restic import locks
from agent.machine.errors import AgentError, Problem
from agent.machine.records import keeping
from agent.machine.storage import holders
from agent.machine.system import Facts

FILE = "backup/lock"
"""In the state folder; it holds what the one who locked it does."""
WAITING = "backup/waiting"
"""In the state folder; whoever waits holds it together with others."""

PAUSE = 0.1
"""Seconds between two tries to be the one who holds it."""
LOOK = 0.25
"""Seconds between two looks whether somebody waits."""
GRACE = 3.0
"""Seconds that a person waits before what works by a schedule makes way: most of it is done by
then."""


class BusyError(AgentError):
    """Somebody else works on the backups."""


class GiveWay(KeyboardInterrupt):
    """Somebody waits for what works by a schedule."""


@contextlib.contextmanager
def hold(
    facts: Facts, doing: str, *, patience: float = 0.0, tell: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Keep all others away; they see `doing`, as in "a backup is being made".

    Another one who was first is waited for, for `patience` seconds; `tell` gets what it does. If it
    works by a schedule, it makes way. Raises BusyError when it has not ended by then, AgentError
    when there can be no lock.
    """
    descriptor = _open(facts, FILE)
    try:
        if not holders.take(descriptor):
            tell(_find_holder(descriptor))
            with ask(facts) if patience else contextlib.nullcontext():
                _wait(descriptor, patience)
        with contextlib.suppress(OSError):  # a full disk: then nobody is told who works
            holders.set_name(descriptor, f"{doing} (process {os.getpid()})")
        locks.remember_host(facts)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def ask(facts: Facts) -> Iterator[None]:
    """Have what works by a schedule make way for as long as this lasts."""
    descriptor = _open(facts, WAITING)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def make_way(facts: Facts) -> Iterator[None]:
    """Raise GiveWay in the main thread, which calls this, when somebody has waited for GRACE s."""
    main, over = threading.main_thread().ident, threading.Event()
    assert main is not None  # noqa: S101 - it runs

    def watch() -> None:
        waited = 0.0
        while waited < GRACE:
            if over.wait(LOOK):
                return
            waited = waited + LOOK if is_wanted(facts) else 0.0
        signal.pthread_kill(main, signal.SIGUSR1)  # which ends its system call, too

    before = signal.signal(signal.SIGUSR1, _give_way)
    thread = threading.Thread(target=watch, daemon=True)
    with contextlib.suppress(RuntimeError):  # no further thread is to be had: nobody makes way
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread.is_alive():
            thread.join()
        signal.signal(signal.SIGUSR1, before)


def _give_way(_number: int, _frame: FrameType | None) -> None:
    raise GiveWay


def is_wanted(facts: Facts) -> bool:
    """Tell whether somebody waits."""
    try:
        descriptor = _open(facts, WAITING)
    except AgentError:
        return False
    try:
        return not holders.take(descriptor)
    finally:
        os.close(descriptor)


def _open(facts: Facts, name: str) -> int:
    """Return a descriptor that can be locked. Raises AgentError."""
    try:
        path = keeping.place_lock(facts, name)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = Problem(f"cannot write {facts.state / name}: {error.strerror}")
        raise AgentError(problem) from error


def _wait(descriptor: int, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(PAUSE)
        if holders.take(descriptor):
            return
    problem = Problem(f"cannot start: {_find_holder(descriptor)}", "try again when it is done")
    raise BusyError(problem)


def _find_holder(descriptor: int) -> str:
    """Return what the one who holds it does."""
    return holders.get_name(descriptor) or "it is in use"
