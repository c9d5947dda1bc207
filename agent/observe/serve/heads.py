"""Reads what callers ask, and lets no slow one stand in the way of others.

Whoever sends its request bit by bit, or not at all, costs a thread that waits; where there are too
many of them, the one that has waited longest is hung up on. An honest request is there at once.
"""

import socket
import threading
import time
from collections import deque
from contextlib import suppress

PATIENCE = 5.0
"""Seconds in which a request has to be there as a whole."""
MOST = 64
"""Callers whose request is not whole yet, on one address."""
LIMIT = 128 * 1024
"""Bytes of a request; see `agent.observe.serve.grammar` for its parts."""


class Heads:
    """The callers of one address whose request is still to come."""

    def __init__(self) -> None:
        self._waiting: deque[socket.socket] = deque()
        self._lock = threading.Lock()

    def enter(self, connection: socket.socket) -> None:
        """Let a caller wait; hang up on the one that has waited longest if they are too many."""
        with self._lock:
            self._waiting.append(connection)
            if len(self._waiting) > MOST:
                with suppress(OSError):  # it has gone by itself
                    self._waiting.popleft().shutdown(socket.SHUT_RDWR)

    def read(self, connection: socket.socket) -> bytes:
        """Return what a caller asks; it waits no more. Raises OSError when it takes too long."""
        try:
            return read_head(connection)
        finally:
            with self._lock, suppress(ValueError):
                self._waiting.remove(connection)


def read_head(connection: socket.socket) -> bytes:
    """Return all up to the empty line, or as much of it as comes before the end or the limit."""
    head, deadline = b"", time.monotonic() + PATIENCE
    while len(head) < LIMIT and b"\n\r\n" not in head and b"\n\n" not in head:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(LIMIT)
        if not part:
            break
        head += part
    connection.settimeout(PATIENCE)
    return head
