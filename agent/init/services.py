"""supervisord, which keeps the services: how it is started, woken, heard and stopped."""

import _socket  # the module `socket` around it costs 1 MB and 5 ms
import contextlib
import os
import signal
from collections.abc import Callable, Sequence

from agent.init.children import Child, Children, Streams
from agent.init.early import Early
from agent.init.logs import open_fifo
from agent.init.loop import Loop, Timer
from agent.init.stop import Part
from agent.machine import runtime

START_PATIENCE = 3.0
"""Seconds that supervisord may take to listen on its socket; later it need not be woken."""
START_STEP = 0.002
"""Seconds between two looks: it is waited for by everybody."""
STOP_STEP = 0.05
"""Seconds between two attempts to wake it."""
RUNNING, BACKOFF, FATAL = "RUNNING", "BACKOFF", "FATAL"
"""States of a service: it lives long enough; it ended too early and is started again; given up."""


class Services(Part):
    """Owns supervisord and hears what becomes of its services."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        on_state: Callable[[str, str], None],
        on_lost: Callable[[int], None],
        on_awake: Callable[[], None],
    ) -> None:
        """`on_state` gets (state, service); `on_lost` the exit code of an unasked end.

        `on_awake` is called once: it starts the services now, or nobody waits for that any more.
        """
        self._loop = loop
        self._children = children
        self._on_state = on_state
        self._on_lost = on_lost
        self._on_awake = on_awake
        self._socket = ""
        self._child: Child | None = None
        self._timer: Timer | None = None
        self._wakes_left = 0
        self._fall_back: Callable[[], None] | None = None
        """What to do when it ends before it listens; None: it is lost then."""
        self._stopping = False
        self._events = -1
        self._line = b""

    def start(
        self, argv: Sequence[str], streams: Streams, folder: str, early: Early | None = None
    ) -> None:
        """Start supervisord, or let the one that was loaded early go. Raises OSError."""
        self._socket = os.path.join(folder, runtime.SUPERVISORD_SOCKET)
        self._events = open_fifo(os.path.join(folder, runtime.EVENTS))
        self._loop.watch(self._events, self._read_events)
        if early and early.go(argv, folder):
            self._child = self._children.adopt(early.pid, self._on_end)
            self._fall_back = lambda: self._spawn(argv, streams)
        else:
            self._spawn(argv, streams)
        self._wakes_left = int(START_PATIENCE / START_STEP)
        self._wake_at_start()

    def _spawn(self, argv: Sequence[str], streams: Streams) -> None:
        self._fall_back = None
        self._child = self._children.spawn(argv, streams, self._on_end)

    def stop(self) -> None:
        """Ask supervisord to stop all services and end."""
        self._stopping = True
        self._loop.cancel(self._timer)
        if self._child:
            self._child.send(signal.SIGTERM)
            self._wake_at_stop()

    def kill(self) -> None:
        """End supervisord at once; the services are orphans then."""
        if self._child:
            self._child.send(signal.SIGKILL)

    def ended(self) -> bool:  # noqa: D102
        return self._child is None

    def _on_end(self, code: int) -> None:
        self._child = None
        if self._fall_back and not self._stopping:
            with contextlib.suppress(OSError):
                self._fall_back()
                return
        self._loop.cancel(self._timer)
        if not self._stopping:
            self._on_lost(code)

    def _wake_at_start(self) -> None:
        """Wake it from the second that it sleeps before its first look at what is to be started."""
        self._wakes_left -= 1
        if not wake(self._socket) and self._wakes_left > 0:
            self._timer = self._loop.after(START_STEP, self._wake_at_start)
            return
        self._fall_back = None
        self._on_awake()

    def _wake_at_stop(self) -> None:
        """Wake it from the second that it sleeps before it sees a signal or an end."""
        wake(self._socket)
        self._timer = self._loop.after(STOP_STEP, self._wake_at_stop)

    def _read_events(self) -> None:
        *lines, self._line = (self._line + os.read(self._events, 4096)).split(b"\n")
        for line in lines:
            state, _, name = line.decode(errors="replace").strip().partition(" ")
            self._on_state(state, name)


def wake(path: str) -> bool:
    """Connect to a unix socket and hang up; tell whether somebody listened."""
    try:
        caller = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK)
    except OSError:
        return False
    try:
        caller.connect(path)
    except OSError:
        return False
    finally:
        caller.close()
    return True
