"""Calls: the listening sockets of a job, which init holds and never accepts on.

When somebody connects, the job is started, and accepts; while it runs, nobody looks at the sockets.
What the job leaves unanswered makes a socket readable again, so that a caller whose answerer died
is answered by the next one.
"""

import os

# Not `socket`, which brings selectors and enums: 2.5 ms and a megabyte for three calls.
from _socket import AF_INET, AF_INET6, AF_UNIX, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET, socket
from collections.abc import Callable, Sequence

from agent.init.loop import Loop, Timer
from agent.machine.light.backoff import Backoff

BACKLOG = 128
"""Callers that may wait; more get an error at once and try again."""
PAUSES = Backoff(0.02, 5.0)
"""Seconds until the sockets are looked at again after the job ended; each failure doubles them."""


def listen(address: str, folder: str) -> socket:
    """Let callers connect to HOST:PORT, or to the Unix socket of this name in the folder.

    Raises OSError.
    """
    host, colon, port = address.rpartition(":")
    host = host.strip("[]")
    family = AF_UNIX if not colon else AF_INET6 if ":" in host else AF_INET
    listener = socket(family, SOCK_STREAM)
    try:
        if colon:
            listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # a container that starts again
            listener.bind((host, int(port)))
        else:
            _bind(listener, os.path.join(folder, address))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _bind(listener: socket, path: str) -> None:
    try:
        os.unlink(path)  # of an earlier life
    except FileNotFoundError:
        pass
    listener.bind(path)  # only this uid can enter the folder


class Calls:
    """The sockets of one job."""

    def __init__(self, loop: Loop, sockets: Sequence[socket]) -> None:
        self._loop = loop
        self._on_call: Callable[[], None] = lambda: None
        self._watching = False
        self._next: Timer | None = None
        self._sockets = sockets
        self.descriptors = [each.fileno() for each in sockets]

    def begin(self, on_call: Callable[[], None]) -> None:
        """Call this when somebody waits for an answer; `resume` is to follow."""
        self._on_call = on_call
        self._look()

    def resume(self, failures: int) -> None:
        """Look at the sockets again: their job has ended, and failed so often in a row."""
        self._next = self._loop.after(PAUSES.pause(failures + 1), self._look)

    def stop(self) -> None:
        """Start nothing any more. A caller is refused at once, instead of waiting in vain."""
        self._loop.cancel(self._next)
        if self._watching:
            self._look_away()
        for each in self._sockets:
            each.close()

    def _look(self) -> None:
        self._watching = True
        for descriptor in self.descriptors:
            self._loop.watch(descriptor, self._call)

    def _look_away(self) -> None:
        self._watching = False
        for descriptor in self.descriptors:
            self._loop.unwatch(descriptor)

    def _call(self) -> None:
        self._look_away()
        self._on_call()
