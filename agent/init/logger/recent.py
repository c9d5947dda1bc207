"""The newest lines of the log, for whoever is inside: only the engine has what was written before.

They are what the container's output got: masked, and none that its level hides. Two files on tmpfs
in place of a ring in memory: a line costs one more write, and this process not a byte.
"""

import os

from agent.machine.light import runtime

SIZE = 64 * 1024
"""Bytes after which a file is full. The one before it stays beside it, so that never less is there.
"""
NAME, FORMER = "recent", "recent.1"


class Recent:
    """Keeps what is written. Never raises: the log goes on where its copy cannot."""

    def __init__(self, folder: str) -> None:
        """`folder` is the runtime folder. What an earlier log process wrote is continued."""
        self._path = os.path.join(folder, runtime.LOG, NAME)
        self._former = os.path.join(folder, runtime.LOG, FORMER)
        self._descriptor = -1
        self._size = 0
        self._fails = False

    def add(self, piece: bytes) -> str:
        """Keep a piece; a line of two pieces may begin in one file and end in the next.

        Returns what to say when it cannot be kept: once, until it can again.
        """
        try:
            if self._descriptor < 0:
                self._open()
            self._size += os.write(self._descriptor, piece)
            if self._size >= SIZE:
                os.rename(self._path, self._former)
                os.close(self._descriptor)
                self._descriptor = -1
        except OSError as error:
            is_new, self._fails = not self._fails, True
            return f"cannot keep the log in {self._path}: {error.strerror}" if is_new else ""
        self._fails = False
        return ""

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size
