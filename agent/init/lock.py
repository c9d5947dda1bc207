"""The runtime folder is one living agent's: it holds a lock on it."""

import fcntl
import os

from agent import runtime

NAME = "init.lock"


def hold(folder: str) -> int:
    """Make the runtime folder if need be; return a descriptor that holds it while it is open.

    Raises OSError when the folder cannot be used, or another living agent uses it.
    """
    runtime.make(folder, os.getuid())
    path = os.path.join(folder, NAME)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError("another agent is using it") from None
    return descriptor


def explain(folder: str, error: OSError) -> str:
    """Return the line for a folder that cannot be held."""
    cause = error.strerror or str(error)
    return (
        f"devcopilot: cannot use the runtime folder {folder}: {cause}"
        f" ({runtime.VARIABLE} names another one)\n"
    )
