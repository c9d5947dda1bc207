"""Callers: who has connected to a listening socket that init has lent to this job.

Init starts the job when somebody connects, and again when somebody does after it has ended; see
`agent.init.activation`. So a job answers all who wait, lingers a little, and ends.
"""

import selectors
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

FIRST = 3
"""The descriptor of the first socket."""
TICK = 0.5
"""Seconds until a job notices that it is to end."""


def find_listeners(first: int = FIRST) -> list[socket.socket]:
    """Return the sockets that were lent, which stand in a row."""
    found: list[socket.socket] = []
    while True:
        try:
            each = socket.socket(fileno=first + len(found))
        except OSError:  # there is none, or it is no socket
            return found
        if not each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            each.detach()
            return found
        found.append(each)


def accept(
    listeners: Sequence[socket.socket], *, linger: float, life: float
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield (listener, connection) until nobody has called for `linger` seconds, or TERM comes.

    What is being answered then is answered still. After `life` seconds it takes no more calls.
    """
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for listener in listeners:
            stack.enter_context(listener)
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ, listener)
        end = time.monotonic() + life
        deadline = time.monotonic() + linger
        while not ending.is_set() and time.monotonic() < min(deadline, end):
            for key, _ in selector.select(TICK):
                try:
                    connection, _ = key.data.accept()
                except OSError:
                    continue  # it has hung up already
                connection.setblocking(True)
                yield key.data, connection
                deadline = time.monotonic() + linger
