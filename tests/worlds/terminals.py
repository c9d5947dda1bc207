"""A person at a terminal: types, and reads until something appears."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from contextlib import suppress

from tests.worlds.waiting import DEADLINE

PROMPT = b"ready> "


class Terminal:
    """Both sides of a terminal; `theirs` is for the program, to be closed once it has it."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._seen = b""
        self.resize(24, 80)

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, pattern: bytes) -> bytes:
        """Return what appeared up to and with the pattern; what comes after is kept."""
        end = time.monotonic() + DEADLINE
        while not (match := re.search(pattern, self._seen)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self._seen!r}"
            if select.select([self._ours], [], [], left)[0]:
                try:
                    self._seen += os.read(self._ours, 65536)
                except OSError:
                    raise AssertionError(f"closed before {pattern!r}: {self._seen!r}") from None
        seen, self._seen = self._seen[: match.end()], self._seen[match.end() :]
        return seen

    def read_rest(self) -> bytes:
        """Return what appeared until the program has closed the terminal."""
        with suppress(OSError):
            while data := os.read(self._ours, 65536):
                self._seen += data
        return self._seen

    def close(self) -> None:
        os.close(self._ours)
