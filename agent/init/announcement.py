"""Tells those outside that the workspace is ready, and that it stops: a file and a datagram."""

import os
from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, socket

from agent.machine.light import runtime

VARIABLE = "NOTIFY_SOCKET"
"""Where the manager of the container listens: podman --sdnotify=container sets it.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""


class Announcement:
    """Whoever waits without asking the agent."""

    def __init__(self, folder: str, address: str | None) -> None:
        """`folder` is the runtime folder; `address` what NOTIFY_SOCKET held, if it was set."""
        self._path = os.path.join(folder, runtime.READY)
        self._address = address
        self._stopping = False

    def ready(self) -> None:
        """Tell that every essential service answers."""
        if self._stopping:
            return
        try:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            pass  # a runtime folder that is full: state.json is missing the news as well
        self._notify(b"READY=1")

    def stopping(self) -> None:
        """Tell that the stop has begun."""
        if self._stopping:
            return
        self._stopping = True
        try:
            os.unlink(self._path)
        except OSError:
            pass
        self._notify(b"STOPPING=1")

    def _notify(self, state: bytes) -> None:
        """Send it. A manager that does not listen, or takes nothing now, is no fault of ours."""
        if not self._address or self._address[0] not in "/@":
            return
        address = self._address
        if address[0] == "@":  # of the abstract namespace: unix(7)
            address = "\0" + address[1:]
        try:
            sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
            try:
                sender.sendto(state, address)
            finally:
                sender.close()
        except OSError:
            pass
