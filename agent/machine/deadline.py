"""A limit for what may wait for ever, such as a mount whose server is gone."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ETIMEDOUT

from agent.machine.light import proc

LOOKS, LOOK = 5, 0.5
"""What is late has given up when so many looks, so many seconds apart, find that it only waits."""
GONE = "check /proc/mounts for a network file system whose server is gone"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import TypeVar

    T = TypeVar("T")


def find_rest(end: float) -> float:
    """Return the seconds until a monotonic time. Raises TimeoutError when it has passed."""
    rest = end - time.monotonic()
    if rest <= 0:
        raise TimeoutError("timed out")
    return rest


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside after this time, and repeatedly after the same time.

    Repeatedly because the code inside may catch the error and then wait for something else.
    """

    def give_up(_number: int, _frame: "FrameType | None") -> None:
        raise TimeoutError(ETIMEDOUT, f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def patient_deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside after this time, and repeatedly, unless it lacks a processor.

    On a busy machine good work may take as long. It is late when it only waits for something else,
    or has had a processor for this time.
    """
    own = os.getpid()
    turns, processor, idle_looks = proc.measure_turns(), time.process_time(), 0

    def look(_number: int, _frame: "FrameType | None") -> None:
        nonlocal turns, processor, idle_looks
        worked = time.process_time() - processor
        had_turns = proc.measure_turns() - turns > LOOK / 2
        is_busy = had_turns or proc.want_processor(proc.find_family(own) - {own})
        idle_looks = 0 if is_busy else idle_looks + 1
        is_late = idle_looks >= LOOKS or worked >= seconds
        if is_late:
            worked = idle_looks = 0
        turns, processor = proc.measure_turns(), time.process_time() - worked
        signal.setitimer(signal.ITIMER_REAL, seconds if is_late else LOOK)
        if is_late:
            raise TimeoutError(ETIMEDOUT, f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def refusal_after(seconds: float, doing: str, hint: str = GONE) -> Iterator[None]:
    """Raise AgentError after this time; `doing` is a verb and its object.

    Before it is over, a TimeoutError is somebody else's, such as a disk's, and passes.
    """
    from agent.machine.errors import AgentError, Problem  # noqa: PLC0415 - others need it not

    end = time.monotonic() + seconds
    try:
        with deadline(seconds):
            yield
    except TimeoutError as error:
        if time.monotonic() < end:
            raise
        problem = Problem(f"cannot {doing}: it took longer than {seconds:g} s", hint)
        raise AgentError(problem) from error


def run_within(seconds: float, work: Callable[[], "T"]) -> "T":
    """Return what `work` returns, in any thread. Raises TimeoutError after this time.

    For what knows no deadline, such as a library of HTTP: the time limit of its sockets begins anew
    with each byte. `work` has a daemon thread, which after this time goes on unheard; where there
    can be none, it is interrupted.
    """
    from agent.machine.programs import threads  # noqa: PLC0415 - only who asks a host of GitHub needs it

    return threads.call(work, lambda: _do_within(seconds, work)).result(seconds)


def _do_within(seconds: float, work: Callable[[], "T"]) -> "T":
    """Do it here. A signal limits it, which only the first thread gets, and of which there is one.

    Where somebody has set that already, their time limit is the one that holds.
    """
    import threading  # noqa: PLC0415 - as above

    is_first = threading.current_thread() is threading.main_thread()
    if not is_first or signal.getitimer(signal.ITIMER_REAL)[0]:
        return work()
    with deadline(seconds):
        return work()
