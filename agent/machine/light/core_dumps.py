"""Turns core dumps off: the memory of a process that crashes, secrets included, in a file."""

import resource

NONE = 1
"""Bytes. Less than any dump has; and where the kernel pipes dumps to a program of the host's, which
it does at a limit of 0, too, it is this very number that forbids it (do_coredump in fs/coredump.c).
"""


def forbid() -> int:
    """Let the kernel keep no dump of this process and its children; return the limit until now.

    The hard limit stays: `ulimit -c unlimited` allows dumps again.
    """
    before, most = resource.getrlimit(resource.RLIMIT_CORE)
    if most == resource.RLIM_INFINITY or most >= NONE:
        resource.setrlimit(resource.RLIMIT_CORE, (NONE, most))
    return before


def allow(limit: int) -> None:
    """Set the limit that `forbid` returned. Raises OSError or ValueError if it is too high now."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, most))
