"""The terminal of `docker run -it`: CMD's while CMD lives."""

import os
from collections.abc import Sequence

STDIN = 0


def find_terminal() -> int | None:
    """Return the descriptor of the terminal in whose foreground init is, or None."""
    try:
        return STDIN if os.tcgetpgrp(STDIN) == os.getpgrp() else None
    except OSError:
        return None  # no terminal, or another session's


def choose_level(argv: Sequence[str]) -> str:
    """Return the least level of the log where no setting says: a CMD with the terminal is in use.

    `argv` is that of CMD; empty: there is none.
    """
    return "warning" if argv and find_terminal() is not None else "info"


def take_back(terminal: int) -> None:
    """Make init's own group the foreground group again."""
    try:
        os.tcsetpgrp(terminal, os.getpgrp())
    except OSError:
        pass  # the terminal has gone


def open_missing_streams() -> None:
    """Let descriptors 0, 1 and 2 exist: what is opened later must never be one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
