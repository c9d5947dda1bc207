"""The one way to read a file that somebody else may have written, or replaced by something else.

A folder, a pipe and a device are refused, since their reader could wait or read for ever, and so is
what is larger than its purpose needs: a sparse file of 4 GiB costs its writer nothing. What is held
against it is the open file, so nobody can exchange it in between.

A server of files that is gone still lets its reader wait: see `agent.machine.deadline`.
"""

import errno
import os
import stat

SECRET = 64 * 1024
"""Bytes: a token, a password, a private key."""
SETTINGS = 1024 * 1024
"""Bytes: what people write by hand."""
STATE = 16 * 1024 * 1024
"""Bytes: what programs write for themselves."""


def open_file(path: "str | os.PathLike[str]") -> int:
    """Return a descriptor to read a file from, links followed.

    Raises OSError: also for what is no regular file.
    """
    name = os.fspath(path)
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: "str | os.PathLike[str]", limit: int) -> bytes:
    """Return a file's content, links followed.

    Raises OSError: also for what is no regular file, and for one of more than `limit` bytes.
    """
    descriptor = open_file(path)
    try:
        status = os.fstat(descriptor)
        content = b""
        if status.st_size <= limit:
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(limit + 1)  # it may grow meanwhile
        if max(status.st_size, len(content)) > limit:
            raise OSError(errno.EFBIG, f"it is larger than {limit // 1024} KiB", os.fspath(path))
        return content
    finally:
        os.close(descriptor)
