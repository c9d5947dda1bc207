"""Sleep until something changes in a folder: https://man7.org/linux/man-pages/man7/inotify.7.html."""

import ctypes
import errno
import os
import select
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x8, 0x80, 0x100, 0x200
CHANGES = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE
"""Bits of linux/inotify.h: files are replaced here, never rewritten in place."""
IN_MODIFY = 0x2
"""A file that grows, such as a log."""
_PIECE = 65536


class Changes:
    """Tells of changes in folders. Where the kernel has no watches left it only lets time pass."""

    def __init__(self, folders: Iterable[Path], *, growth: bool = False) -> None:
        """Watch these folders, which may be missing yet; `growth`: their growing files as well."""
        self._folders = tuple(folders)
        self._mask = CHANGES | (IN_MODIFY if growth else 0)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.is_blind = False
        """Whether a folder that is there cannot be watched."""
        self._watch()

    def wait(self, seconds: float) -> None:
        """Return when something has changed, at the latest after this time.

        A folder that has come meanwhile is watched then, before its reader looks into it.
        """
        self._watch()
        wait = select.poll()
        if self._descriptor >= 0:
            wait.register(self._descriptor, select.POLLIN)
        if wait.poll(max(0.0, seconds) * 1000):
            with suppress(BlockingIOError):
                os.read(self._descriptor, _PIECE)
        self._watch()

    def close(self) -> None:
        """Watch no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def _watch(self) -> None:
        """Watch what is there by now; to watch a folder again changes nothing."""
        self.is_blind = False
        for folder in self._folders:
            name = os.fsencode(folder)
            added = self._libc.inotify_add_watch(self._descriptor, name, self._mask)
            self.is_blind = self.is_blind or (added < 0 and ctypes.get_errno() != errno.ENOENT)
