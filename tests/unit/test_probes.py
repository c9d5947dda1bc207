"""Probes say whether something answers, and why not."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.light import proc
from agent.machine.network.addresses import find_asked
from agent.services import probes
from agent.services.service import BannerProbe, CommandProbe, HttpProbe, LoginProbe, PortProbe
from tests.worlds.waiting import DEADLINE, wait_until


class Answer:
    """A server that answers every connection with the same bytes, or with silence."""

    def __init__(self, words: bytes | None, *, hang_up: bool = True) -> None:
        self.words, self.hang_up = words, hang_up
        self.got: list[bytes] = []
        self.kept: list[socket.socket] = []
        self.peers: list[str] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self.socket.accept()
            except OSError:
                return
            self.kept.append(connection)
            self.peers.append(peer[0])
            if self.words is None:
                continue
            with suppress(OSError):  # who only looks whether the port is open is gone
                connection.sendall(self.words)
                if self.hang_up:
                    connection.shutdown(socket.SHUT_WR)
                self.got.append(connection.recv(1000))

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        for item in (*self.kept, self.socket):
            item.close()


@pytest.fixture
def serve() -> Iterator[type[Answer]]:
    made: list[Answer] = []

    class Kept(Answer):
        def __init__(self, words: bytes | None, *, hang_up: bool = True) -> None:
            super().__init__(words, hang_up=hang_up)
            made.append(self)

    yield Kept
    for answer in made:
        answer.close()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "answers 503"),
        (b"SSH-2.0-x\r\n", "does not speak HTTP"),
        (b"", "does not speak HTTP"),
    ],
)
def test_http(serve: type[Answer], words: bytes, why: str | None) -> None:
    server = serve(words)
    found = probes.check(HttpProbe(server.port, "/healthz"), 5.0)
    assert (found is None) == (why is None)
    assert (why or "") in (found or "")
    wait_until(lambda: server.got, "the server has read the question")
    assert server.got == [
        f"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    ]


def test_what_is_expected_of_http_is_the_service_s_own_to_say(serve: type[Answer]) -> None:
    server = serve(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
    asked = HttpProbe(server.port, "/x", method="POST", expected=(302, 401), accept="text/html")
    assert probes.check(asked, 5.0) is None
    assert "answers 401" in (probes.check(replace(asked, expected=(200,)), 5.0) or "")
    wait_until(lambda: server.got, "the server has read the question")
    host = f"Host: 127.0.0.1:{server.port}"
    words = f"POST /x HTTP/1.0\r\n{host}\r\nAccept: text/html\r\nContent-Length: 0\r\n\r\n"
    assert server.got[0] == words.encode()


def test_banner_and_its_reply(serve: type[Answer]) -> None:
    server = serve(b"SSH-2.0-OpenSSH\r\n", hang_up=False)
    assert probes.check(BannerProbe(server.port, "SSH-2.0-", "SSH-2.0-probe"), 5.0) is None
    assert "does not greet" in (probes.check(BannerProbe(server.port, "220 "), 5.0) or "")
    wait_until(lambda: len(server.got) == 2, "the server has read both")
    assert server.got == [b"SSH-2.0-probe\r\n", b""]


def test_who_is_too_busy_lives(serve: type[Answer]) -> None:
    server = serve(b"Exceeded MaxStartups\r\n")
    assert probes.check(BannerProbe(server.port, "SSH-2.0-", busy=("Exceeded ",)), 5.0) is None
    assert probes.check(BannerProbe(server.port, "SSH-2.0-", busy=("Other",)), 5.0) is not None
    assert probes.check(BannerProbe(server.port, "SSH-2.0-"), 5.0) is not None


def test_a_probe_comes_from_an_address_of_its_own(serve: type[Answer]) -> None:
    """Servers limit the connections of each source; forwarded ports come from 127.0.0.1."""
    server = serve(b"SSH-2.0-x\r\n")
    assert probes.check(BannerProbe(server.port, "SSH-2.0-"), 5.0) is None
    assert server.peers == [probes.OWN_SOURCE]


def test_who_listens_for_this_machine_alone_is_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        silent = probes.check(PortProbe(port, host=find_asked("0.0.0.0")), 5.0)
    assert silent == f"port {port} is open only on 127.0.0.1: it cannot be reached from outside"


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_who_listens_on_every_address_is_reached(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = family == socket.AF_INET6
    with socket.create_server((address, 0), family=family, dualstack_ipv6=both) as server:
        probe = PortProbe(server.getsockname()[1], host=find_asked(address))
        assert probes.check(probe, 5.0) is None


def ask_login(server: Answer, key: Path, script: str, *, thorough: bool = True) -> str | None:
    words = ("sh", "-c", script)
    probe = LoginProbe(server.port, "SSH-2.0-", login=words, key=str(key))
    return probes.check(probe, 5.0, thorough=thorough)


def test_a_login_is_tried_once_the_server_greets(serve: type[Answer], tmp_path: Path) -> None:
    server, key = serve(b"SSH-2.0-x\r\n"), tmp_path / "key"
    assert (
        ask_login(server, key, f"ssh-keygen -yf {key} | cut -d' ' -f 2 | grep -qFf - {key}.pub")
        is None
    )
    assert key.stat().st_mode & 0o777 == 0o600
    made = key.read_bytes()
    why = ask_login(server, key, "echo too many >&2; echo Connection closed >&2; exit 255")
    assert why == "logins fail: too many"
    assert ask_login(server, key, "exit 3") == "logins fail: ssh ends with 3"
    assert key.read_bytes() == made, "it is made once"
    assert ask_login(server, key, "exit 3", thorough=False) is None
    assert "does not greet" in (ask_login(serve(b"x\n"), key, "true") or "")


def test_a_login_that_hangs_is_not_waited_for(serve: type[Answer], tmp_path: Path) -> None:
    probe = LoginProbe(serve(b"SSH-2.0-x\r\n").port, "SSH-2.0-", login=("sleep", "100"),
                       key=str(tmp_path / "key"))  # fmt: skip
    assert "a login takes longer" in (probes.check(probe, 1.0) or "")


def test_a_key_that_cannot_be_made_is_a_reason(serve: type[Answer], tmp_path: Path) -> None:
    why = ask_login(serve(b"SSH-2.0-x\r\n"), tmp_path / "no/key", "true")
    assert why
    assert "No such file" in why


def test_another_address_is_asked_where_it_is(serve: type[Answer]) -> None:
    server = serve(b"HTTP/1.1 200 OK\r\n\r\n")
    assert probes.check(HttpProbe(server.port, "/", "127.0.0.2"), 5.0) is not None
    with socket.create_server(("127.0.0.2", 0)) as other:
        assert probes.check(PortProbe(other.getsockname()[1], "127.0.0.2"), 5.0) is None


def test_port(serve: type[Answer]) -> None:
    assert probes.check(PortProbe(serve(None).port), 5.0) is None


@pytest.mark.parametrize("kind", [HttpProbe, BannerProbe])
def test_silence_is_not_waited_for(
    serve: type[Answer], kind: type[HttpProbe] | type[BannerProbe]
) -> None:
    assert "does not answer within 0.2 s" in (probes.check(kind(serve(None).port, "/"), 0.2) or "")


def test_trickle_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                ends = time.monotonic() + DEADLINE
                while not stop.wait(0.05) and time.monotonic() < ends:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        why = probes.check(BannerProbe(server.getsockname()[1], "SSH"), 0.3)
        stop.set()
        thread.join()
    assert "does not answer" in (why or "")


def test_nothing_listens() -> None:
    port = closed_port()
    assert probes.check(PortProbe(port), 5.0) == f"nothing listens on port {port}"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("true",), None),
        (("sh", "-c", "exit 3"), "sh ends with 3"),
        (("sleep", "60"), "sleep takes longer than 0.2 s"),
        (("no-such-program",), "cannot run no-such-program: No such file or directory"),
    ],
)
def test_command(argv: tuple[str, ...], why: str | None) -> None:
    assert probes.check(CommandProbe(argv), 0.2) == why


def test_command_gets_the_environment_it_is_given() -> None:
    probe = CommandProbe(("sh", "-c", 'test "$A" = b && test -z "$SECRET"'))
    assert probes.check(probe, 5.0, {"A": "b", "PATH": os.environ["PATH"]}) is None


def test_owner_of_a_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        owner = probes.find_port_owner(server.getsockname()[1])
    assert (owner or "").startswith(f"pid {os.getpid()}, ")


def test_free_port_has_no_owner() -> None:
    assert probes.find_port_owner(closed_port()) is None


@pytest.mark.parametrize(
    ("name", "command", "shown"),
    [
        ("MainThread", b"/usr/local/bin/node\0server.js\0", "node"),
        ("MainThread", b"", "MainThread"),
        ("sshd", b"sshd: /usr/sbin/sshd -D [listener]\0", "sshd"),
    ],
)
def test_a_process_has_the_name_that_people_know(
    tmp_path: Path, name: str, command: bytes, shown: str
) -> None:
    """Node gives its main thread a name that tells nobody anything."""
    (tmp_path / "stat").write_text(f"12 ({name}) S 1 12")
    (tmp_path / "cmdline").write_bytes(command)
    assert proc.read_name(tmp_path) == shown
