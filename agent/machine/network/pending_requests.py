"""Reads requests that are not complete yet, and lets no slow caller stand in the way of others.

Whoever sends its request bit by bit, or not at all, costs a thread that waits; where there are too
many of them, the one that has waited longest is hung up on. An honest request is there at once, but
in a crowd its thread may come late to read it: whoever has sent something is not the one.
"""

import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from agent.machine.deadline import find_rest

PATIENCE = 5.0
"""Seconds in which a request has to be there as a whole."""
MOST = 64
"""Callers whose request is not whole yet, on one address."""


class PendingRequests:
    """The callers of one address whose request is still to come."""

    def __init__(self, is_whole: Callable[[bytes], bool], limit: int) -> None:
        """`limit` is in bytes: nobody asks more."""
        self._is_whole = is_whole
        self._limit = limit
        self._waiting: deque[socket.socket] = deque()
        self._lock = threading.Lock()

    def read(self, connection: socket.socket) -> bytes:
        """Return what a caller asks, or as much of it as comes before the end or the limit.

        Raises OSError when it takes too long, or when others came who have waited less.
        """
        self._enter(connection)
        try:
            head = self._read(connection)
        finally:
            with self._lock:
                is_kept = connection in self._waiting
                if is_kept:
                    self._waiting.remove(connection)
        if not is_kept:
            raise ConnectionAbortedError("others came who have waited less")
        return head

    def _enter(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting.append(connection)
            if len(self._waiting) > MOST:
                longest = self._find_longest()
                self._waiting.remove(longest)
                with suppress(OSError):  # it has gone by itself
                    longest.shutdown(socket.SHUT_RDWR)

    def _find_longest(self) -> socket.socket:
        """Return who has waited longest with nothing left to read; else who has at all."""
        look = select.poll()
        for each in self._waiting:
            look.register(each, select.POLLIN)
        unread = {descriptor for descriptor, _ in look.poll(0)}
        silent = (each for each in self._waiting if each.fileno() not in unread)
        return next(silent, self._waiting[0])

    def _read(self, connection: socket.socket) -> bytes:
        head, deadline = b"", time.monotonic() + PATIENCE
        while len(head) < self._limit and not self._is_whole(head):
            connection.settimeout(find_rest(deadline))
            part = connection.recv(self._limit)
            if not part:
                break
            head += part
        connection.settimeout(PATIENCE)
        return head
