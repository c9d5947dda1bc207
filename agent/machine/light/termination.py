"""The termination message: why a container ended, for whoever asks Kubernetes and not the log.

`kubectl describe pod` shows it, and the API has it when the container's log is gone already:
https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

import os
import stat
import sys
from collections.abc import Iterable

PATH = "/dev/termination-log"
"""Kubernetes mounts a file there, which lives as long as this run of the container."""
SIZE = 4096
"""Bytes that Kubernetes reads of it: MaxContainerTerminationMessageLength of its kubelet."""


def leave(lines: Iterable[str], path: str = PATH) -> None:
    """Make these lines the message, the newest of them last; if they are too long, the end of them.

    Nothing happens where no such file is mounted. Never raises, and never waits: only a regular
    file is written to.
    """
    content = "".join(f"{line}\n" for line in lines).encode(errors="replace")
    if len(content) > SIZE:
        content = content[-SIZE:].decode(errors="ignore").encode()  # no half of a character
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, content)
    except OSError:
        pass  # the node's disk is full: the log has the lines as well
    finally:
        os.close(descriptor)


def complain(words: str) -> None:
    """Say what ends the container, on standard error and in the message."""
    line = f"devcopilot: {words}"
    if sys.stderr:  # None if it was closed
        sys.stderr.write(f"{line}\n")
    leave([line])
