"""The output of the container, written to without ever waiting for its reader."""

import os
import stat
from collections.abc import Callable, Iterator

from agent.machine.light.log import LEVELS, Event, encode, make_event, make_records, render

PIECE = 4096
"""Bytes: what a pipe takes at once when poll says that it is writable (PIPE_BUF)."""


def reopen(descriptor: int) -> int:
    """Return a non-blocking descriptor for the same pipe or terminal, else the descriptor itself.

    The inherited one is shared with CMD, which must go on seeing a blocking one: so its flags are
    left alone, and a second open file takes the flag.
    """
    try:
        kind = os.fstat(descriptor).st_mode
    except OSError:
        return descriptor  # closed: every write will say so
    if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            return os.open(f"/proc/self/fd/{descriptor}", flags)
        except OSError:
            pass  # not ours to open: then pieces that fit must do
    return descriptor


class Output:
    """Renders events and writes lines, in pieces that do not block."""

    def __init__(
        self,
        descriptor: int,
        form: str,
        level: str,
        keep: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        """`form` is auto, json or text.

        `keep` gets what has been written, and returns what to warn of, if anything.
        """
        terminal = os.isatty(descriptor)
        self._readable = form == "text" or (form == "auto" and terminal)
        dumb = os.environ.get("TERM") in ("dumb", "unknown")
        self._colour = terminal and not dumb and not os.environ.get("NO_COLOR")
        self._threshold = LEVELS.index(level)
        self._keep = keep
        self._rest = b""
        self.descriptor = reopen(descriptor)

    def make_records(self, event: Event) -> Iterator[bytes]:
        """Return the event as records; none when its level is below the threshold."""
        if LEVELS.index(str(event["level"])) < self._threshold:
            return iter(())
        return make_records(event, self._render if self._readable else encode)

    def _render(self, event: Event) -> bytes:
        return render(event, self._colour)

    @property
    def room(self) -> int:
        """Bytes that can be added before the next write."""
        return PIECE - len(self._rest)

    @property
    def waiting(self) -> bool:
        """Tell whether something is still to be written."""
        return bool(self._rest)

    def add(self, line: bytes) -> None:
        """Take a line to be written next."""
        self._rest += line

    def write(self) -> None:
        """Write one piece, whole lines if they fit: CMD may write between two pieces.

        Raises OSError, and forgets what it had, when the output is broken.
        """
        size = len(self._rest)
        if size > PIECE:
            size = self._rest.rfind(b"\n", 0, PIECE) + 1 or PIECE
        try:
            written = os.write(self.descriptor, self._rest[:size])
        except BlockingIOError:
            return
        except OSError:
            self._rest = b""
            raise
        trouble = self._keep(self._rest[:written])
        self._rest = self._rest[written:]
        if trouble:
            for record in self.make_records(make_event("log", "warning", trouble)):
                self.add(record)
