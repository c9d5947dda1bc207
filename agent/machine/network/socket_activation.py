"""Socket activation: answers those who connect to a socket on which init listens for this job.

Init starts the job when somebody connects, and again when somebody does after it has ended; see
`agent.init.activation`. So a job answers all who wait, lingers a little, and ends.
"""

import errno
import select
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

FIRST = 3
"""The descriptor of the first socket."""
TICK = 0.5
"""Seconds until a job notices that it is to end."""
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Why nobody can be accepted until others have gone."""


def find_listeners(first: int = FIRST) -> list[socket.socket]:
    """Return the sockets that init has passed on, whose descriptors are consecutive."""
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


def answer(
    listeners: Sequence[socket.socket],
    serve: Callable[[socket.socket, socket.socket], None],
    *,
    linger: float,
    life: float,
) -> None:
    """Call `serve(listener, connection)` for each caller, in a thread of its own.

    Returns when all have been answered. `linger` and `life` are those of `accept`.
    """
    threads: list[threading.Thread] = []
    for listener, connection in accept(listeners, linger=linger, life=life):
        threads = [each for each in threads if each.is_alive()]
        thread = threading.Thread(target=serve, args=(listener, connection), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the container may have no further process
            connection.close()
        else:
            threads.append(thread)
    for thread in threads:
        thread.join()


def accept(
    listeners: Sequence[socket.socket], *, linger: float, life: float
) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield (listener, connection) until nobody has called for `linger` seconds, or TERM comes.

    What is being answered then is answered still. After `life` seconds it takes no more calls, and
    without a listener none at all.
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
        while listeners and not ending.is_set() and time.monotonic() < min(deadline, end):
            for key, _ in selector.select(TICK):
                try:
                    connection, _ = key.data.accept()
                except OSError as error:  # it has hung up already, or there is no room
                    if error.errno in EXHAUSTED:
                        select.select((), (), (), TICK)
                    continue
                connection.setblocking(True)
                yield key.data, connection
                deadline = time.monotonic() + linger
