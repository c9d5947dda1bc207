"""The HTTP of all surfaces: RFC 9110 as far as reading needs it.

Every answer is whole, and the connection ends with it: who asks again connects again.
"""

import base64
import binascii
import hmac
import io
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from agent import __version__
from agent.machine import faults
from agent.machine.errors import Problem
from agent.machine.log import Logger
from agent.observe.serve.heads import Heads
from agent.observe.serve.peer import find_peer, is_editor
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.settings.context import Context

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
        self._heads: dict[str, Heads] = {}

    def start(self, surface: Surface, connection: socket.socket) -> threading.Thread | None:
        """Answer one connection in a thread of its own; None: there can be no further thread."""
        heads = self._heads.setdefault(surface.name, Heads())
        thread = threading.Thread(
            target=self._serve, args=(surface, connection, heads), daemon=True
        )
        heads.enter(connection)
        try:
            thread.start()
        except RuntimeError:  # the container may have no further process
            connection.close()
            return None
        return thread

    def _serve(self, surface: Surface, connection: socket.socket, heads: Heads) -> None:
        with suppress(OSError), connection:  # whoever asked has gone
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            Handler(surface, connection, heads.read(connection), self)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version = f"devcopilot/{__version__}"
    sys_version = ""

    def __init__(
        self, surface: Surface, connection: socket.socket, head: bytes, server: Server
    ) -> None:
        """`head` is all that was asked."""
        self._surface = surface
        self._head = head
        self._owner = server
        super().__init__(connection, connection.getpeername(), cast("Any", server))

    def setup(self) -> None:
        """Read from what is there already."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(cast("Any", io.BytesIO(self._head)))

    def do_GET(self) -> None:
        """Answer GET."""
        self._send(self._answer())

    def do_HEAD(self) -> None:
        """Answer HEAD: as GET, without the body."""
        self._send(self._answer())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing: a scrape each 15 s is no news."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the library refuses, such as POST, in our own form."""
        status = HTTPStatus(code)
        self._send(say(status, message or explain or status.phrase))

    def _answer(self) -> Response:
        headers = {name.lower(): value for name, value in self.headers.items()}
        current = replace(self._owner.current)  # what it finds once, it finds for this answer
        try:
            with self._owner.room:
                return self._refuse(headers, current) or self._surface.answer(
                    read_request(self.path, headers), current
                )
        except NotFoundError:
            return say(HTTPStatus.NOT_FOUND, "there is nothing at this path")
        except Exception as error:
            words = f"cannot answer {self._surface.name}: {faults.describe(error)}"
            self._owner.log.error(words)
            return say(HTTPStatus.INTERNAL_SERVER_ERROR, words)

    def _refuse(self, headers: Mapping[str, str], current: Context) -> Response | None:
        """Return what is answered to somebody who may not see it; None: go on."""
        password = current.facts.secret(self._surface.password(current.settings))
        if isinstance(password, Problem):
            return say(HTTPStatus.SERVICE_UNAVAILABLE, str(password))
        if password and not knows(headers.get("authorization", ""), password.reveal()):
            refusal = say(HTTPStatus.UNAUTHORIZED, "the password is missing or wrong")
            return replace(refusal, headers=CHALLENGE)
        is_named = bool(password) or names_this_machine(headers.get("host", ""))
        if is_named and not self._surface.own_user_only:
            return None
        return self._refuse_peer(is_named, current)

    def _refuse_peer(self, is_named: bool, current: Context) -> Response | None:
        """Return the same by who is at the other end: to find that costs more than most answers."""
        peer = find_peer(self.connection)
        if self._surface.own_user_only and not (peer and peer.is_own()):
            return say(HTTPStatus.FORBIDDEN, "only the workspace's own user may see this")
        if is_named or (peer and peer.is_own() and is_editor(peer, current.facts)):
            return None  # the editor hands on the name by which the browser knows it
        return say(
            HTTPStatus.FORBIDDEN,
            "the Host header is not that of this machine: use 127.0.0.1 or localhost",
        )

    def _send(self, response: Response) -> None:
        self.request_version = "HTTP/1.0"  # else HTTP/0.9, and what is none, gets no headers
        self.send_response(response.status)
        headers = {**HEADERS, **response.headers, "Content-Type": response.content_type}
        for name, value in {**headers, "Content-Length": str(len(response.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)


def say(status: HTTPStatus, words: str) -> Response:
    """Return an answer that is one line."""
    return Response(f"{words}\n".encode(errors="replace"), status=status)


def read_request(target: str, headers: Mapping[str, str]) -> Request:
    """Return the request for a target as it stands in the first line."""
    parts = urlsplit(target)
    path = "/" + unquote(parts.path).lstrip("/")
    return Request(path, dict(parse_qsl(parts.query)), headers)


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
    given = text.encode("latin-1")  # as the library has decoded it
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given, password.encode())
