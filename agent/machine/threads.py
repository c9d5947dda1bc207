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


def call(work: Callable[[], T], here: Callable[[], T] | None = None) -> Future[T]:
    """Have work done in a daemon thread; return what will hold its result or error.

    Where there can be none, do it here and now; `here` is how, if not as it is.
    """
    done: Future[T] = Future()

    def settle(doing: Callable[[], T]) -> None:
        try:
            done.set_result(doing())
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=settle, args=(work,), daemon=True)
    try:
        thread.start()
    except RuntimeError:
        settle(here or work)
    return done
