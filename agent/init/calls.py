"""Calls: a listening socket that init holds and never accepts on.

When somebody connects, a job is started that accepts; while it runs, nobody looks at the socket.
What the job leaves unanswered makes the socket readable again, so that a caller whose answerer died
is answered by the next one.
"""

import os

# Not `socket`, which brings selectors and enums: 2.5 ms and a megabyte for three calls.
from _socket import AF_UNIX, SOCK_STREAM, socket
from collections.abc import Callable

from agent.init.loop import Loop

BACKLOG = 128
"""Callers that may wait; more get an error at once and try again."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 5.0
"""Seconds until the socket is looked at again after its job ended; each failure doubles them."""


class Calls:
    """The socket of one job."""

    def __init__(self, loop: Loop, path: str, on_call: Callable[[], None]) -> None:
        """Begin to listen. Raises OSError."""
        self._loop = loop
        self._on_call = on_call
        self._socket = socket(AF_UNIX, SOCK_STREAM)
        try:
            os.unlink(path)  # of an earlier life
        except FileNotFoundError:
            pass
        self._socket.bind(path)  # only this uid can enter the folder
        self._socket.listen(BACKLOG)
        self.descriptor = self._socket.fileno()
        self._look()

    def resume(self, failures: int) -> None:
        """Look at the socket again: its job has ended, and failed so often in a row."""
        pause = min(FIRST_PAUSE * 2.0 ** min(failures, 10), LONGEST_PAUSE)
        self._loop.after(pause, self._look)

    def _look(self) -> None:
        self._loop.watch(self.descriptor, self._call)

    def _call(self) -> None:
        self._loop.forget(self.descriptor)
        self._on_call()
