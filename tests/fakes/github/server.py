"""The listener: plain HTTP on loopback or a Unix socket, and the HTTPS proxy on the same port."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.fakes.github.answers import BAD_CREDENTIALS, Answer, answer_api
from tests.fakes.github.repositories import make_repository, run_backend
from tests.fakes.github.world import Known, Request, World

Content = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""

READ_TIMEOUT = 30.0
"""Seconds that a client may be silent."""


class FakeGitHub(World):
    """A GitHub that runs from `with` to its end, in threads of this process."""

    def __init__(
        self,
        *,
        port: int = 0,
        unix_socket: Path | None = None,
        certificate: Path | None = None,
        repositories: Path | None = None,
    ) -> None:
        """`certificate` holds key and certificate: with it the server is an HTTPS proxy as well."""
        super().__init__()
        self.repositories = repositories
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self.tls and certificate:
            self.tls.load_cert_chain(certificate)
        self.stopping = threading.Event()
        self._server = _Server(self, port, unix_socket)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """The base of the API over plain HTTP."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def add_token(
        self,
        value: str,
        login: str = "octo",
        *,
        expires: datetime | None = None,
        scopes: str | None = "repo, read:org, gist",
    ) -> None:
        """Let a token be good from now on."""
        self.add(Known(value, login, scopes, expires))

    def add_repository(self, name: str) -> Path:
        """Make a repository with one commit, named OWNER/NAME; every good token may use it."""
        if self.repositories is None:
            raise ValueError("this fake was made without a folder for repositories")
        return make_repository(self.repositories, name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: FakeGitHub, port: int, unix_socket: Path | None) -> None:
        self.hub = hub
        self.unix_socket = unix_socket
        if unix_socket:
            self.address_family = socket.AF_UNIX
            super().__init__(str(unix_socket), _Handler)  # type: ignore[arg-type]
        else:
            super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        if self.unix_socket:
            self.socket.bind(str(self.unix_socket))
        else:
            super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of tests go away whenever they like."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = READ_TIMEOUT
    server: _Server

    def do_CONNECT(self) -> None:
        """Become the host that the client wants to reach through us."""
        hub = self.server.hub
        if hub.tls is None:
            self.send_error(501)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = hub.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def finish(self) -> None:
        super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()  # the server closes only the socket that it accepted

    def do_GET(self) -> None:
        self.server.hub.begin()
        try:
            self._serve()
        finally:
            self.server.hub.end()

    do_POST = do_GET  # noqa: N815 - http.server's name

    def _serve(self) -> None:
        hub = self.server.hub
        parts = urlsplit(self.path)
        is_git = parts.path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack"))
        path = parts.path.removeprefix("/api/v3").replace("/api/graphql", "/graphql") or "/"
        body = self._read_body()
        seen = Request(self.command, self.headers.get("Host", ""), path, self._token(), 0)
        fault = hub.take_fault(path)
        if fault and (fault.hang or fault.delay):
            hub.stopping.wait(None if fault.hang else fault.delay)
        if fault and (fault.hang or fault.drop):
            hub.note(seen)
            self.close_connection = True
            return
        if fault and fault.status:
            status, headers, content = fault.status, fault.headers, fault.body
        elif is_git:
            status, headers, content = self._run_git(path, parts.query, body)
        else:
            status, headers, content = as_json(self._answer(path, body))
        hub.note(replace(seen, status=status))  # before the client can look at the log
        self._send(status, headers, content)

    def _answer(self, path: str, body: bytes) -> Answer:
        if not self.headers.get("User-Agent"):
            return 403, {}, {"message": "Missing or invalid User Agent string."}
        token = self._token()
        known = self.server.hub.find(token)
        if token is not None and known is None:
            return BAD_CREDENTIALS
        return answer_api(self.command, path, known, body)

    def _run_git(self, path: str, query: str, body: bytes) -> Content:
        hub = self.server.hub
        if hub.find(self._token()) is None:
            challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
            return as_json((401, challenge, {"message": "Bad credentials"}))
        request = {
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody",
        }
        return run_backend(hub.repositories or Path("/nonexistent"), request, body)

    def _token(self) -> str | None:
        """Return the token of the request: as GitHub's API takes it, or as git sends it."""
        scheme, _, rest = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() in ("token", "bearer"):
            return rest.strip()
        if scheme.lower() == "basic":
            with suppress(ValueError):
                return base64.b64decode(rest).decode().partition(":")[2]
        return None

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "client"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: `World.requests` is the log."""


def as_json(answer: Answer) -> Content:
    """Return an answer as it goes over the wire."""
    status, headers, document = answer
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return status, {**kind, **headers}, json.dumps(document).encode()
