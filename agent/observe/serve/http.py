"""Who asks for which surface, who is refused, and what goes wrong on the way.

Every answer is whole, and the connection ends with it: who asks again connects again.
"""

import base64
import binascii
import hmac
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from agent.machine.errors import Problem
from agent.machine.light import faults
from agent.machine.light.log import Logger
from agent.machine.network.pending_requests import PendingRequests
from agent.observe.serve import grammar
from agent.observe.serve.grammar import RefusedError
from agent.observe.serve.peer import find_peer, is_editor
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.settings.context import Context

LONGEST_HEAD = 128 * 1024
"""Bytes of a request; see `agent.observe.serve.grammar` for its parts."""
MOST_AT_ONCE = 8
"""Answers in work; whoever comes then waits."""
SEND_BUFFER = 256 * 1024
"""Bytes: an answer is the kernel's at once, however slowly it is read."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of every answer; a surface may set others."""
CHALLENGE = {"WWW-Authenticate": 'Basic realm="devcopilot", charset="UTF-8"'}


class Server:
    """Answers connections, several at once."""

    def __init__(self, current: Context, log: Logger) -> None:
        self.current = current
        self.log = log
        self.room = threading.Semaphore(MOST_AT_ONCE)
        self._pending: dict[str, PendingRequests] = {}

    def serve(self, surface: Surface, connection: socket.socket) -> None:
        """Answer one connection, and end it."""
        with suppress(OSError), connection:  # whoever asked has gone
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            pending = self._pending.setdefault(
                surface.name, PendingRequests(is_whole, LONGEST_HEAD)
            )
            Exchange(surface, connection, self).run(pending.read(connection))


class Exchange:
    """One request and its answer."""

    def __init__(self, surface: Surface, connection: socket.socket, server: Server) -> None:
        self._surface = surface
        self._connection = connection
        self._owner = server

    def run(self, head: bytes) -> None:
        """Answer `head`, which is all that was asked. Raises OSError when nobody hears it."""
        if not head:  # it has changed its mind
            return
        try:
            response = self._answer(grammar.parse(head))
        except RefusedError as error:
            response = say(error.status, str(error))
        with_body = grammar.asks_for_body(head)
        self._connection.sendall(grammar.write(response, HEADERS, with_body=with_body))

    def _answer(self, request: Request) -> Response:
        current = replace(self._owner.current)  # what it finds once, it finds for this answer
        try:
            with self._owner.room:
                return self._refuse(request.headers, current) or self._surface.answer(
                    request, current
                )
        except NotFoundError:
            return say(404, "there is nothing at this path")
        except Exception as error:
            words = f"cannot answer {self._surface.name}: {faults.describe(error)}"
            self._owner.log.error(words)
            return say(500, words)

    def _refuse(self, headers: Mapping[str, str], current: Context) -> Response | None:
        """Return what is answered to somebody who may not see it; None: go on."""
        password = current.facts.secret(self._surface.password(current.settings))
        if isinstance(password, Problem):
            return say(503, str(password))
        if password and not knows(headers.get("authorization", ""), password.reveal()):
            refusal = say(401, "the password is missing or wrong")
            return replace(refusal, headers=CHALLENGE)
        is_named = bool(password) or names_this_machine(headers.get("host", ""))
        if is_named and not self._surface.own_user_only:
            return None
        return self._refuse_peer(is_named, current)

    def _refuse_peer(self, is_named: bool, current: Context) -> Response | None:
        """Return the same by who is at the other end: to find that costs more than most answers."""
        peer = find_peer(self._connection)
        if self._surface.own_user_only and not (peer and peer.is_own()):
            return say(403, "only the workspace's own user may see this")
        if is_named or (peer and peer.is_own() and is_editor(peer, current)):
            return None  # the editor hands on the name by which the browser knows it
        return say(
            403,
            "the Host header is not that of this machine: use 127.0.0.1 or localhost",
        )


def is_whole(head: bytes) -> bool:
    """Tell whether a request is there up to its empty line."""
    return b"\n\r\n" in head or b"\n\n" in head


def say(status: int, words: str) -> Response:
    """Return an answer that is one line."""
    return Response(f"{words}\n".encode(errors="replace"), status=status)


def names_this_machine(host: str) -> bool:
    """Tell whether a Host header is that of somebody who asks for this very machine.

    A page of the internet whose name leads to 127.0.0.1 all at once (DNS rebinding) is not.
    """
    try:
        bare = urlsplit(f"//{host}").hostname or ""
        return bare == "localhost" or ip_address(bare).is_loopback
    except ValueError:
        return False


def knows(authorization: str, password: str) -> bool:
    """Tell whether an Authorization header has the password: Basic (any user), or Bearer."""
    scheme, _, text = authorization.partition(" ")
    given = text.encode("latin-1")  # as it was decoded
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given, password.encode())
