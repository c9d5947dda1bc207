"""Readiness as a port that takes connections as long as the workspace is ready.

Kubernetes' tcpSocket probe only connects, so the kernel answers it: no process is started, and no
byte is read. `health`, which tries every service, makes the workspace ready once. From then on, an
essential service that has ended closes the port until it runs again, and the stop closes it for
good.
docs/decisions/readiness.md has the reasons.
"""

import os
from _socket import socket
from collections.abc import Collection

from agent.init.activation import BACKLOG, Calls, listen
from agent.init.loop import Loop, Timer
from agent.init.states import ServiceState
from agent.machine.light.log import Logger

RETRY = 5.0
"""Seconds until a port that somebody else has is tried again."""


class Readiness:
    """Keeps the port."""

    def __init__(self, loop: Loop, log: Logger, address: str, essential: Collection[str]) -> None:
        """`address` is IP:PORT, or empty: there is no port; `essential` are names of services."""
        self._loop = loop
        self._log = log
        self._address = address
        self._essential = essential
        self._down: set[str] = set()
        self._wanted = False
        self._listener: socket | None = None
        self._calls: Calls | None = None
        self._retry: Timer | None = None
        self._complained = False

    def begin(self) -> None:
        """Hear that every essential service has answered."""
        self._wanted = bool(self._address)
        self._update()

    def hear(self, service: str, state: ServiceState) -> None:
        """Hear a service's new state. One that ended is up once it has lived long enough."""
        if service not in self._essential:
            return
        if state is ServiceState.RUNNING:
            self._down.discard(service)
        elif state is not ServiceState.STARTING:
            self._down.add(service)
        self._update()

    def end(self) -> None:
        """Hear that the stop has begun."""
        self._wanted = False
        self._update()

    def _update(self) -> None:
        is_ready = self._wanted and not self._down
        if is_ready and not self._calls:
            self._open()
        elif not is_ready:
            self._close()

    def _open(self) -> None:
        self._loop.cancel(self._retry)
        try:
            self._listener = listen(self._address, "")
        except OSError as error:
            self._complain(error)
            self._retry = self._loop.after(RETRY, self._update)
            return
        self._listener.setblocking(False)
        self._calls = Calls(self._loop, [self._listener])
        self._calls.begin(self._take)

    def _close(self) -> None:
        self._loop.cancel(self._retry)
        if self._calls:
            self._calls.stop()
            self._calls = None

    def _take(self) -> None:
        """Hang up on all who are connected; more are looked at after a pause, however many come."""
        if not self._listener or not self._calls:
            return
        try:
            for _ in range(BACKLOG):
                os.close(self._listener._accept()[0])  # type: ignore[attr-defined]
        except OSError:
            pass  # there are no more
        self._calls.resume(0)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            self._log.warning(
                f"cannot listen for readiness probes: {error.strerror}; trying again every "
                f"{RETRY:.0f} s (DEV8_READY_ADDRESS={self._address})"
            )
