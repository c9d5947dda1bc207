"""Waiting in tests: for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

DEADLINE = 120.0
"""Seconds after which what is waited for counts as failed."""
POLL = 0.005
"""Seconds between two looks that cost nothing, such as at a file."""
PAUSE_SHARE, LONGEST_PAUSE = 3.0, 1.5
"""A look that takes long, such as a command in a container, is followed by a pause of three times
that, 1.5 s at most: who waits leaves the processors to what it waits for."""

T = TypeVar("T")


def pass_time(seconds: float) -> None:
    """Let time pass: only for a pause, or a moment, that is itself what is tried."""
    end = time.monotonic() + seconds
    while (rest := end - time.monotonic()) > 0:
        time.sleep(rest)


def wait_until(
    condition: Callable[[], T], what: str, deadline: float = DEADLINE, share: float = PAUSE_SHARE
) -> T:
    """Return what the condition yields as soon as that is true. Raises TimeoutError.

    `share` is how long the pause after a look is, as a multiple of the look's time.
    """
    end = time.monotonic() + deadline
    while True:
        asked = time.monotonic()
        if found := condition():
            return found
        now = time.monotonic()
        if now > end:
            raise TimeoutError(f"{what} did not happen within {deadline:g} s")
        time.sleep(max(POLL, min((now - asked) * share, LONGEST_PAUSE)))


def watch_until(condition: Callable[[], T], what: str, deadline: float = DEADLINE) -> T:
    """Do the same without long pauses: for who measures when it happens. Raises TimeoutError."""
    return wait_until(condition, what, deadline, share=0.0)
