"""Threads where a limit of processes may leave no room for one: each counts as a process."""

import threading
from collections.abc import Callable


def start_or_do(work: Callable[[], object], *, daemon: bool = False) -> threading.Thread | None:
    """Have work done in a thread; where there can be none, do it here and now, and return None."""
    thread = threading.Thread(target=work, daemon=daemon)
    try:
        thread.start()
    except RuntimeError:
        work()
        return None
    return thread
