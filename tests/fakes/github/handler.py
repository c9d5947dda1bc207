"""One connection: reads requests, lets faults happen, sends answers, writes the log."""

import socket
import ssl
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.fakes.github.answers import answer_api
from tests.fakes.github.calls import Answer, Call, refuse
from tests.fakes.github.faults import Fault, Request
from tests.fakes.github.grant_answers import answer_grant
from tests.fakes.github.hosts import find_place
from tests.fakes.github.repositories import answer_git, is_git

if TYPE_CHECKING:
    from tests.fakes.github.server import FakeGitHub

READ_TIMEOUT = 30.0
"""Seconds that a client may be silent."""
TLS_HELLO = 0x16
"""The first byte of a client that speaks TLS."""
IN_MEMORY = 1 << 16
"""Bytes of a body beyond which it is kept in a file."""
SIGN_IN = ("/login/oauth/access_token", "/login/device/code")


class Handler(BaseHTTPRequestHandler):
    """Serves one connection of a FakeGitHub."""

    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    sys_version = ""
    timeout = READ_TIMEOUT
    wbufsize = -1  # one segment for headers and body: Nagle's algorithm would hold the second

    @property
    def hub(self) -> "FakeGitHub":
        hub: FakeGitHub = self.server.hub  # type: ignore[attr-defined]
        return hub

    def setup(self) -> None:
        super().setup()
        if self.hub.tls and self.connection.recv(1, socket.MSG_PEEK)[:1] == bytes([TLS_HELLO]):
            self._start_tls()

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to reach through us."""
        if self.hub.tls is None:
            self.send_error(501)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        self._start_tls()
        self.close_connection = False

    def _start_tls(self) -> None:
        assert self.hub.tls
        self.connection = self.hub.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()  # the server closes only the socket that it accepted

    def do_GET(self) -> None:
        self.hub.begin()
        try:
            with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as body:
                self._read_body(body)
                body.seek(0)
                self._serve(body)
        finally:
            self.hub.end()

    do_POST = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _serve(self, body: IO[bytes]) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        place = find_place(headers.get("host", ""), parts.path)
        call = Call(self.command, place, parts.query, headers, body)
        seen = Request(
            self.command, headers.get("host", ""), place.path, call.token, 0, parts.query,
            headers.get("user-agent", ""), time.time(),
        )  # fmt: skip
        fault = self.hub.take_fault(seen) or Fault()
        if fault.hang or fault.delay:
            self.hub.stopping.wait(None if fault.hang else fault.delay)
        if fault.hang or fault.drop:
            self.hub.note(seen)
            self.close_connection = True
            return
        if fault.status:
            answer = Answer(fault.status, fault.headers, fault.body)
        else:
            answer = self._answer(call)
        self.hub.note(replace(seen, status=answer.status))  # before the client can look at the log
        self._send(answer, cut=fault.cut)

    def _answer(self, call: Call) -> Answer:
        place = call.place
        if place.is_web and is_git(place.path):
            return answer_git(self.hub, call, self.hub.repositories)
        if place.is_web and place.path in SIGN_IN and call.method == "POST":
            return answer_grant(self.hub, call)
        if place.is_api:
            return answer_api(self.hub, call)
        return refuse(404, "Not Found")

    def _read_body(self, body: IO[bytes]) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            self._copy(int(self.headers.get("Content-Length", 0)), body)
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self._copy(size, body)
            self.rfile.readline()
        self.rfile.readline()

    def _copy(self, size: int, body: IO[bytes]) -> None:
        while size > 0:
            chunk = self.rfile.read(min(size, IN_MEMORY))
            if not chunk:
                raise ConnectionError("the client went away within a body")
            size -= len(chunk)
            body.write(chunk)

    def _send(self, answer: Answer, cut: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(answer.content, bytes):
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content[: len(answer.content) // 2 if cut else None])
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in answer.content:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                if cut:
                    break
            else:
                self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        self.close_connection = self.close_connection or cut

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the time of this server, which need not be the machine's."""
        return super().date_time_string(timestamp or int(self.hub.now().timestamp()))

    def address_string(self) -> str:
        return "client"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: `World.requests` is the log."""
