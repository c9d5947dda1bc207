"""Lock files that name their holder. One who is killed lets go, and the name means nothing then."""

import fcntl
import os

LONGEST_NAME = 200
"""Bytes."""


def take(descriptor: int, *, share: bool = False) -> bool:
    """Lock an open file, alone or together with others; return whether nobody was in the way."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if share else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def set_name(descriptor: int, name: str) -> None:
    """Say who holds the lock, or what is worked on. Raises OSError."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, name.encode(), 0)


def get_name(descriptor: int) -> str:
    """Return what the holder says. Raises OSError."""
    return os.pread(descriptor, LONGEST_NAME, 0).decode(errors="replace")


def find(path: "str | os.PathLike[str]") -> str | None:
    """Return what the holder of this file says; None: nobody holds it, or it cannot be read."""
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
