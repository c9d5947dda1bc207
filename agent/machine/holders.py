"""Lock files that name their holder. One who is killed lets go, and the name means nothing then."""

import fcntl
import os
import time

LONGEST_NAME = 200
"""Bytes."""
LOOKING = 5.0
"""Seconds that somebody who only looks may be in the way, on a machine that is busy."""
PAUSE = 0.001
"""Seconds between two tries meanwhile."""


def take(descriptor: int, *, share: bool = False) -> bool:
    """Lock an open file, alone or together with others; return whether nobody was in the way."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def take_alone(descriptor: int) -> bool:
    """Do the same where others use `find`, which shares the lock for a moment."""
    end = time.monotonic() + LOOKING
    while not take(descriptor):
        if not take(descriptor, share=True) or time.monotonic() >= end:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        time.sleep(PAUSE)
    return True


def set_name(descriptor: int, name: str) -> None:
    """Say who holds the lock, or what is worked on. Raises OSError."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, name.encode(), 0)


def get_name(descriptor: int) -> str:
    """Return what the holder says. Raises OSError."""
    return os.pread(descriptor, LONGEST_NAME, 0).decode(errors="replace")


def find(path: "str | os.PathLike[str]") -> str | None:
    """Return what the holder of this file says; None: nobody holds it, or it cannot be read.

    One who wants it uses `take_alone`.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return None if take(descriptor, share=True) else get_name(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)
