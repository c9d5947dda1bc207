"""supervisord, which keeps the services: how it is started, woken, heard and stopped."""

import _socket  # the module `socket` around it costs 1 MB and 5 ms
import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Sequence

from agent.init.children import Child, Children, Streams
from agent.init.early import Early
from agent.init.fifo import open_fifo
from agent.init.listener import Listener
from agent.init.loop import Loop, Timer
from agent.init.state import MOST_SERVICES
from agent.init.states import ServiceState, SupervisordState
from agent.init.stop import Stoppable
from agent.machine.light import runtime

START_PATIENCE = 3.0
"""Seconds that supervisord may take to listen on its socket: nobody waits for it any longer."""
START_STEP, LATE_STEP = 0.002, 0.25
"""Seconds between two looks: while it is waited for by everybody, and after that."""
LONGEST_EVENT = 512
"""Bytes: who writes more without an end of line does not speak of a service."""
STOP_STEP = 0.01
"""Seconds between two attempts to wake it. It looks several times until all have ended, and sleeps
before each: with 0.05 a stop took half as long again."""
ALIVE = (ServiceState.STARTING, ServiceState.RUNNING, ServiceState.STOPPING)
"""A service has a process."""


class Services(Stoppable):
    """Owns supervisord and hears what becomes of its services."""

    def __init__(self, loop: Loop, children: Children, listener: Listener) -> None:
        self._loop = loop
        self._children = children
        self._listener = listener
        self.state = SupervisordState.OFF
        self.last_exit: int | None = None
        """supervisord's exit code, once it has ended."""
        self._socket = ""
        self._child: Child | None = None
        self._timer: Timer | None = None
        self._patience_ends = 0.0
        """When nobody waits any more for it to listen, by the loop's clock."""
        self._fall_back: Callable[[], None] | None = None
        """What to do when it ends before it listens; None: it is lost then."""
        self._events = -1
        self._line = b""
        self._alive: set[str] = set()
        """Services that have a process, as far as supervisord has told."""

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
        self.state = SupervisordState.STARTING
        self._patience_ends = self._loop.now() + START_PATIENCE
        self._wake_at_start()

    def _spawn(self, argv: Sequence[str], streams: Streams) -> None:
        self._fall_back = None
        self._child = self._children.spawn(argv, streams, self._on_end)

    def stop(self) -> None:
        """Ask supervisord to stop all services and end."""
        self._loop.cancel(self._timer)
        if self._child:
            self.state = SupervisordState.STOPPING
            self._child.send(signal.SIGTERM, signal.SIGCONT)
            self._wake_at_stop()

    def kill(self) -> None:
        """End supervisord at once; the services are orphans then."""
        if self._child:
            self._child.send(signal.SIGKILL)

    def ended(self) -> bool:  # noqa: D102
        return self._child is None

    def name_remaining(self) -> Iterable[str]:  # noqa: D102
        if self.ended():
            return ()
        return [f"service {name}" for name in sorted(self._alive)] or ["supervisord"]

    def _on_end(self, code: int) -> None:
        self._child = None
        is_asked = self.state is SupervisordState.STOPPING
        if self._fall_back and not is_asked:
            with contextlib.suppress(OSError):
                self._fall_back()
                return
        self._loop.cancel(self._timer)
        self.last_exit = code
        self.state = SupervisordState.ENDED if is_asked else SupervisordState.LOST
        if not is_asked:
            self._listener.on_supervisord(self.state)

    def _wake_at_start(self) -> None:
        """Wake it from the second that it sleeps before its first look at what is to be started.

        On a busy machine it may listen only when nobody waits for it any more.
        """
        listens, is_late = wake(self._socket), self._loop.now() >= self._patience_ends
        if not listens:
            step = LATE_STEP if is_late else START_STEP
            self._timer = self._loop.after(step, self._wake_at_start)
        if (listens or is_late) and self.state is SupervisordState.STARTING:
            self._fall_back = None
            self.state = SupervisordState.RUNNING
            self._listener.on_supervisord(self.state)

    def _wake_at_stop(self) -> None:
        """Wake it from the second that it sleeps before it sees a signal or an end."""
        wake(self._socket)
        self._timer = self._loop.after(STOP_STEP, self._wake_at_stop)

    def _read_events(self) -> None:
        *lines, rest = (self._line + os.read(self._events, 4096)).split(b"\n")
        self._line = rest[-LONGEST_EVENT:]
        for line in lines:
            word, _, name = line.decode(errors="replace").strip().partition(" ")
            if word in ServiceState.__members__:  # somebody else may write there as well
                self._note(name, ServiceState[word])
                self._listener.on_service(name, ServiceState[word])

    def _note(self, name: str, state: ServiceState) -> None:
        if state not in ALIVE:
            self._alive.discard(name)
        elif len(self._alive) < MOST_SERVICES:
            self._alive.add(name)


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
