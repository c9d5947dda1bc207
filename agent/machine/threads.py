"""Threads where a limit of processes may leave no room for one: each counts as a process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def start_or_do(work: Callable[[], object], *, daemon: bool = False) -> threading.Thread | None:
    """Have work done in a thread; where there can be none, do it here and now, and return None."""
    thread = threading.Thread(target=work, daemon=daemon)
    try:
        thread.start()
    except RuntimeError:
        work()
        return None
    return thread


def call(work: Callable[[], T]) -> Future[T]:
    """Have work done in a daemon thread, or here; return what will hold its result or error."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    start_or_do(run, daemon=True)
    return done
