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
    """Do the same where others use `is_held`, which shares the lock for a moment."""
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


def is_held(path: "str | os.PathLike[str]") -> bool:
    """Return whether somebody holds this file; what is not there nobody holds.

    True as well if it cannot be known, such as where we may open no further file. One who wants it
    uses `take_alone`.
    """
    try:
        descriptor = _open(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not take(descriptor, share=True)
    except OSError:
        return True
    finally:
        os.close(descriptor)


def find_last_name(path: "str | os.PathLike[str]") -> str:
    """Return what the holder of this file says, or said; nothing: it cannot be read."""
    try:
        descriptor = _open(path)
    except OSError:
        return ""
    try:
        return get_name(descriptor)
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _open(path: "str | os.PathLike[str]") -> int:
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
