"""What a person has open: an editor tab's connection, an ssh session; and a GitHub to talk to."""

import base64
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.worlds.containers import DOCKER, Container
from tests.worlds.waiting import wait_until

PYTHON = "/opt/devcopilot/bin/python"
FAKE_GITHUB_PORT = 9999
FAKE_GITHUB_OPTIONS = (
    *("-v", f"{Path(__file__).resolve().parent.parent}:/fake/tests:ro"),
    *("-e", f"DEV8_GITHUB_API_URL=http://127.0.0.1:{FAKE_GITHUB_PORT}"),
)


@dataclass(frozen=True)
class Key:
    """A key pair for one measurement."""

    private: Path
    public: str


@contextmanager
def ssh_key() -> Iterator[Key]:
    """Make a key pair; it is gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
        yield Key(private, private.with_suffix(".pub").read_text().strip())


@contextmanager
def ssh_session(port: int, key: Key) -> Iterator[None]:
    """Hold a session open in which a command runs."""
    argv = [
        "ssh",
        "-i",
        str(key.private),
        "-p",
        str(port),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
        "dev8@127.0.0.1",
        "echo here; sleep 600",
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as session:
        assert session.stdout is not None
        if session.stdout.readline() != b"here\n":
            raise RuntimeError("the ssh login failed")
        try:
            yield
        finally:
            session.kill()


@contextmanager
def ide_tab(port: int) -> Iterator[None]:
    """Hold a WebSocket to the editor's server open, as a tab does."""
    nonce = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET /?reconnectionToken=bench&reconnection=false HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request.encode())
        answer = connection.recv(1024)
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"the editor refused the connection: {answer[:200]!r}")
        yield


def start_fake_github(box: Container, *tokens: str, options: tuple[str, ...] = ()) -> None:
    """Run the tests' GitHub inside the container, on its loopback; it knows these tokens.

    `options` are more words for its command line. The container must have been made with
    FAKE_GITHUB_OPTIONS.
    """
    known = [word for token in tokens for word in ("--token", token)]
    argv = [PYTHON, "-m", "tests.fakes.github", "--port", str(FAKE_GITHUB_PORT), *known]
    argv += options
    subprocess.run([DOCKER, "exec", "--detach", "--workdir", "/fake", box.name, *argv], check=True)
    probe = f"import socket; socket.create_connection(('127.0.0.1', {FAKE_GITHUB_PORT}), 1).close()"
    wait_until(lambda: box.call(PYTHON, "-c", probe).returncode == 0, "the fake GitHub's start")
