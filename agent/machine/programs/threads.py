"""Threads where a limit of processes may leave no room for one: each counts as a process."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

T = TypeVar("T")


def start_or_do(
    work: Callable[[], object], here: Callable[[], object] | None = None, *, daemon: bool = False
) -> threading.Thread | None:
    """Have work done in a thread; where there can be none, do it here and now, and return None.

    `here` is how it is done then, if not as it is.
    """
    thread = threading.Thread(target=work, daemon=daemon)
    try:
        thread.start()
    except RuntimeError:
        (here or work)()
        return None
    return thread


def call(work: Callable[[], T], here: Callable[[], T] | None = None) -> Future[T]:
    """Have work done in a daemon thread, or here; return what will hold its result or error."""
    done: Future[T] = Future()

    def settle(doing: Callable[[], T]) -> None:
        try:
            done.set_result(doing())
        except BaseException as error:
            done.set_exception(error)

    start_or_do(partial(settle, work), partial(settle, here or work), daemon=True)
    return done
