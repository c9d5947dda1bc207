"""Whose turn it is to read the streams of the log: one byte in a pipe, which only one can take.

The log child takes it when it begins its work. If init has taken it before, the child never reads
a line, and init can end it and lose none.
"""

import os


def make() -> tuple[int, int]:
    """Return the reading and the writing end of a pipe that does not block."""
    return os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)


def offer(ends: tuple[int, int]) -> None:
    """Let it be taken once, whether it was taken before or not."""
    take(ends[0])
    os.write(ends[1], b"x")


def take(reader: int) -> bool:
    """Take it; return False if somebody else has."""
    try:
        return bool(os.read(reader, 1))
    except BlockingIOError:
        return False
