"""The listeners: TCP on loopback, which tells TLS from plain HTTP by itself, or a Unix socket."""

import socket
import ssl
import threading
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.github.certificate import find_authority, make_certificate
from tests.fakes.github.grants import Grants
from tests.fakes.github.handler import Handler
from tests.fakes.github.repositories import make_repository
from tests.fakes.github.world import Known


class FakeGitHub(Grants):
    """A GitHub that runs from `with` to its end, in threads of this process."""

    def __init__(
        self,
        *,
        port: int = 0,
        unix_socket: Path | None = None,
        certificate: Path | None = None,
        repositories: Path | None = None,
    ) -> None:
        """`certificate` holds key and certificate: with it HTTPS is served, also as a proxy."""
        super().__init__()
        self.repositories = repositories
        self.certificate = certificate
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if certificate else None
        if self.tls and certificate:
            self.tls.load_cert_chain(certificate)
        self.stopping = threading.Event()
        self._server = _Server(self, port, unix_socket)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @classmethod
    def in_folder(cls, folder: Path, *, port: int = 0) -> Self:
        """Return one that speaks HTTPS and git, with ca.pem and its repositories in this folder."""
        make_certificate(folder)
        repositories = folder / "repositories"
        repositories.mkdir(exist_ok=True)
        return cls(port=port, certificate=folder / "github.pem", repositories=repositories)

    @property
    def url(self) -> str:
        """The base of the API over plain HTTP, and what HTTPS_PROXY takes."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def authority(self) -> Path:
        """What clients must trust. Raises ValueError for a fake without a certificate."""
        if self.certificate is None:
            raise ValueError("this fake was made without a certificate")
        return find_authority(self.certificate)

    def add_token(
        self,
        value: str,
        login: str = "octo",
        *,
        expires: datetime | None = None,
        scopes: str | None = "repo, read:org, gist",
        host: str | None = None,
    ) -> None:
        """Let a token be good from now on; without `host` at every host."""
        self.add(Known(value, login, scopes, expires, host=host))

    def add_repository(self, name: str, *, megabytes: int = 0) -> Path:
        """Make a repository with one commit, named OWNER/NAME."""
        if self.repositories is None:
            raise ValueError("this fake was made without a folder for repositories")
        path = make_repository(self.repositories, name, megabytes)
        self.name_repository(name)
        return path

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
    request_queue_size = 128

    def __init__(self, hub: FakeGitHub, port: int, unix_socket: Path | None) -> None:
        self.hub = hub
        self.unix_socket = unix_socket
        if unix_socket:
            self.address_family = socket.AF_UNIX
            super().__init__(str(unix_socket), Handler)  # type: ignore[arg-type]
        else:
            super().__init__(("127.0.0.1", port), Handler)

    def server_bind(self) -> None:
        if self.unix_socket:
            self.socket.bind(str(self.unix_socket))
        else:
            super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of tests go away whenever they like."""
