"""Calls: a listening socket that init holds and never accepts on.

When somebody connects, a job is started that accepts; while it runs, nobody looks at the socket.
What the job leaves unanswered makes the socket readable again, so that a caller whose answerer died
is answered by the next one.
"""

import os

# Not `socket`, which brings selectors and enums: 2.5 ms and a megabyte for three calls.
from _socket import AF_UNIX, SOCK_STREAM, socket
from collections.abc import Callable

from agent.init.loop import Loop, Timer
from agent.machine.backoff import Backoff

BACKLOG = 128
"""Callers that may wait; more get an error at once and try again."""
PAUSES = Backoff(0.02, 5.0)
"""Seconds until the socket is looked at again after its job ended; each failure doubles them."""


class Calls:
    """The socket of one job."""

    def __init__(self, loop: Loop, path: str) -> None:
        """Let callers connect. Raises OSError."""
        self._loop = loop
        self._on_call: Callable[[], None] = lambda: None
        self._watching = False
        self._next: Timer | None = None
        self._socket = socket(AF_UNIX, SOCK_STREAM)
        try:
            os.unlink(path)  # of an earlier life
        except FileNotFoundError:
            pass
        self._socket.bind(path)  # only this uid can enter the folder
        self._socket.listen(BACKLOG)
        self.descriptor = self._socket.fileno()

    def begin(self, on_call: Callable[[], None]) -> None:
        """Call this when somebody waits for an answer; `resume` is to follow."""
        self._on_call = on_call
        self._look()

    def resume(self, failures: int) -> None:
        """Look at the socket again: its job has ended, and failed so often in a row."""
        self._next = self._loop.after(PAUSES.pause(failures + 1), self._look)

    def stop(self) -> None:
        """Start nothing any more. A caller is refused at once, instead of waiting in vain."""
        self._loop.cancel(self._next)
        if self._watching:
            self._look_away()
        self._socket.close()

    def _look(self) -> None:
        self._watching = True
        self._loop.watch(self.descriptor, self._call)

    def _look_away(self) -> None:
        self._watching = False
        self._loop.unwatch(self.descriptor)

    def _call(self) -> None:
        self._look_away()
        self._on_call()
