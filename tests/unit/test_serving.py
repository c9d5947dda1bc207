"""Where something is served, and who gets an answer."""

import base64
import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from agent.machine.errors import AgentError
from agent.machine.light.log import Logger
from agent.machine.network import pending_requests
from agent.machine.network.pending_requests import MOST
from agent.machine.network.sockets import encode_end
from agent.machine.secret import Secret, SecretInput
from agent.observe.serve import http as served
from agent.observe.serve.all import SURFACES, load
from agent.observe.serve.peer import find_peer
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.services import supervisord
from agent.services.code_server import NAME as EDITOR
from agent.services.status import describe
from agent.services.supervisord import ServiceState
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.serving import Address, read_address
from agent.settings.surfaces import API, METRICS, PAGE, find_addresses
from tests.worlds.machine import make_facts
from tests.worlds.waiting import DEADLINE

PASSWORD = "pa:ss wörd-0815"


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("9100", Address("127.0.0.1", 9100), "127.0.0.1:9100"),
        ("127.0.0.1:9100", Address("127.0.0.1", 9100), "127.0.0.1:9100"),
        ("0.0.0.0:9100", Address("0.0.0.0", 9100), "0.0.0.0:9100"),
        (":9100", Address("127.0.0.1", 9100), "127.0.0.1:9100"),
        ("[::1]:9100", Address("::1", 9100), "[::1]:9100"),
        ("[::]:9100", Address("::", 9100), "[::]:9100"),
    ],
)
def test_an_address_is_a_port_or_an_ip_with_one(text: str, address: Address, shown: str) -> None:
    assert read_address(text) == address
    assert str(address) == shown


@pytest.mark.parametrize(
    "text",
    ["", "metrics", "localhost:9100", "::1:9100", "0.0.0.0", "0.0.0.0:80", "0.0.0.0:", "1.2.3:9100",
     "http://127.0.0.1:9100", "[::1]", "[0.0.0.0:9100", "127.0.0.1:9100/metrics"],
)  # fmt: skip
def test_another_text_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="an address, such as 9100"):
        read_address(text)


@pytest.mark.parametrize("address", ["0.0.0.0:9100", "[::]:9100", "10.1.2.3:9100"])
def test_metrics_for_the_network_need_a_password(address: str) -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({"DEV8_METRICS_ADDRESS": address})
    (problem,) = caught.value.problems
    assert "DEV8_METRICS_ADDRESS" in problem.message
    assert "DEV8_METRICS_PASSWORD_FILE" in problem.hint
    given = {"DEV8_METRICS_ADDRESS": address, "DEV8_METRICS_PASSWORD": PASSWORD}
    assert Settings.from_environ(given).serving.metrics_password


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"page"}),
        ({"DEV8_PAGE_PORT": "0"}, set()),
        ({"DEV8_SSH": "false"}, {"page"}),
        ({"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false"}, set()),
        ({"DEV8_METRICS_ADDRESS": "9100", "DEV8_API_PORT": "9000"}, {"page", "metrics", "api"}),
    ],
)
def test_what_is_served(given: dict[str, str], names: set[str]) -> None:
    found = find_addresses(Settings.from_environ(given))
    assert set(found) == names
    assert all(address.is_loopback for address in found.values())


def test_each_surface_has_an_address_and_the_name_it_is_listed_by() -> None:
    assert set(SURFACES) == {PAGE, METRICS, API}
    assert [load(name).name for name in SURFACES] == list(SURFACES)


@pytest.mark.parametrize("name", SURFACES)
def test_none_loads_another(name: str) -> None:
    """Each first answer pays for what it loads."""
    script = (
        f"import sys; from agent.commands import serve; serve.load({name!r})\n"
        "print(*sys.modules, sep='\\n')"
    )
    argv = (sys.executable, "-c", script)
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert [each for each in SURFACES if SURFACES[each] in found] == [name]
    assert not {"agent.backup.restic.client", "zoneinfo", "difflib", "http", "ssl"} & set(found)


# --- the answers --------------------------------------------------------------------------------


def answer(request: Request, _current: Context) -> Response:
    match request.path:
        case "/crash":
            raise RuntimeError(PASSWORD)
        case "/hello":
            return Response(request.query.get("name", "you").encode())
    raise NotFoundError


@contextmanager
def serve(surface: Surface, folder: Path) -> Iterator[int]:
    """Serve it at a port of loopback, which is returned."""
    current = Context({}, Settings.from_environ({}), make_facts(folder))
    with (folder / "log").open("wb") as log, socket.create_server(("127.0.0.1", 0)) as listener:
        server = served.Server(current, Logger("serve", "debug", log.fileno()))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                words = (surface, connection)
                threading.Thread(target=server.serve, args=words, daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(DEADLINE)


def ask(
    port: int, path: str = "/hello", method: str = "GET", **headers: str
) -> tuple[int, str, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, response


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with serve(Surface("page", answer), tmp_path) as found:
        yield found


def test_a_path_is_answered(port: int) -> None:
    status, text, response = ask(port, "/hello?name=%C3%BC")
    assert (status, text) == (200, "ü")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert ask(port, "/other")[0] == 404
    assert ask(port, "/hello", "HEAD")[:2] == (200, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed(port: int, method: str) -> None:
    assert ask(port, "/hello", method)[0] == 501


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200), ("localhost:9000", 200), ("LOCALHOST", 200), ("[::1]:1", 200),
        ("127.0.0.9:80", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403), ("10.0.0.1", 403), ("", 403), ("[", 403),
        ("a@localhost", 200),
    ],
)  # fmt: skip
def test_a_name_that_leads_here_from_outside_is_refused(port: int, host: str, status: int) -> None:
    """A page of the internet that makes its own name lead to 127.0.0.1 reads nothing."""
    assert ask(port, Host=host)[0] == status


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /hello HTTP/1.1\r\nX: "])
def test_whoever_asks_slowly_is_in_nobodys_way(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as like may hold a connection: the next honest request is answered before theirs."""
    monkeypatch.setattr(pending_requests, "PATIENCE", 10 * DEADLINE)  # nobody is given up
    with ExitStack() as stack:
        for _ in range(3 * MOST):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(sent)
        assert ask(port)[0] == 200


def test_a_request_that_comes_in_pieces_is_put_together(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        for part in (b"GET /hello?name=a", b"b HTTP/1.1\r\nHost: loc", b"alhost\r\n", b"\r\n"):
            caller.sendall(part)
        with caller.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\nab")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, b" 431 "),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b" 431 "),
        (b"GET / HTTP/9.9\r\n\r\n", b" 505 "),
        (b"GET /hello\r\n\r\n", b"HTTP/1.0 403 "),  # HTTP/0.9, whose answers have no headers
        (b"\r\n\r\n", b" 400 "),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b" 400 "),  # TLS
        (b"GET /hello there HTTP/1.1\r\n\r\n", b" 400 "),
        (b"GET /hello ICY/1.1\r\n\r\n", b" 400 "),
        (b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 400 "),
        (b"GET /hello HTTP/1.1\r\nHost localhost\r\n\r\n", b" 400 "),
        (b"GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n", b" 400 "),
        (b"GET /hello HTTP/1.1\r\nA: b\r\n Host: localhost\r\n\r\n", b" 400 "),
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\nhost: a\r\n\r\n", b" 400 "),
        (b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 200 "),
        (b"GET //evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n", b" 404 "),
        (b"GET http://localhost/hello HTTP/1.1\nhOsT:localhost\n\n", b" 200 "),
    ],
)
def test_more_than_anybody_asks_is_refused(port: int, sent: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        with suppress(ConnectionError):  # it is refused before all of it is there
            caller.sendall(sent)
        with suppress(ConnectionResetError), caller.makefile("rb") as answer:
            assert status in answer.readline()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /hello",
        b"GET /hello HTTP/1.1",
        b"GET /hello HTTP/1.1\r\n",
        b"GET /hello HTTP/1.1\r\nHost: localhost",
        b"GET /hello HTTP/1.1\r\nHost: localhost\r\n",
    ],
)
def test_half_a_request_is_none(port: int, sent: bytes) -> None:
    """RFC 9112, section 8: without its empty line a message is not complete."""
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(sent)
        caller.shutdown(socket.SHUT_WR)
        with caller.makefile("rb") as answer:
            assert b" 400 " in answer.readline()


def test_a_refusal_of_head_has_no_body(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as caller:
        caller.sendall(b"HEAD /hello HTTP/1.1\r\nno header\r\n\r\n")
        with caller.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    assert b" 400 " in head
    assert body == b""


def test_a_fault_of_ours_is_one_line_without_its_text(tmp_path: Path) -> None:
    with serve(Surface("page", answer), tmp_path) as port:
        status, text, _ = ask(port, "/crash")
    assert status == 500
    assert text.count("\n") == 1
    assert "RuntimeError at " in text
    said = (tmp_path / "log").read_text()
    assert said.count("\n") == 1
    assert PASSWORD not in text + said


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("", 401), (f"Bearer {PASSWORD}", 200), ("Bearer other", 401), (PASSWORD, 401),
        ("Basic " + base64.b64encode(f"anyone:{PASSWORD}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(b"anyone:other").decode(), 401), ("Basic %%%", 401),
        ("Basic " + base64.b64encode(b"\xff\xfe").decode(), 401), ("Basic", 401),
    ],
)  # fmt: skip
def test_a_password_is_asked_for(tmp_path: Path, given: str, status: int) -> None:
    """Whoever has it may come by any name."""
    wanted = SecretInput("DEV8_METRICS_PASSWORD", Secret(PASSWORD))
    surface = Surface("metrics", answer, password=lambda _: wanted)
    headers = {"Authorization": given.encode().decode("latin-1")} if given else {}
    with serve(surface, tmp_path) as port:
        found, _, response = ask(port, Host="workspace.example", **headers)
    assert found == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


def test_a_password_that_cannot_be_read_opens_nothing(tmp_path: Path) -> None:
    wanted = SecretInput("DEV8_METRICS_PASSWORD", file=tmp_path / "missing")
    with serve(Surface("metrics", answer, password=lambda _: wanted), tmp_path) as port:
        status, text, _ = ask(port)
    assert status == 503
    assert "DEV8_METRICS_PASSWORD_FILE" in text


def test_the_kernel_tells_who_has_connected() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        caller = socket.create_connection(listener.getsockname())
        connection, _ = listener.accept()
        peer = find_peer(connection)
        assert peer
        assert peer.uid == os.getuid()
        assert peer.inode == os.fstat(caller.fileno()).st_ino
        caller.close()
        assert find_peer(connection) is None, "of who has hung up it knows no user"
        connection.close()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (("127.0.0.1", 8080), "0100007F:1F90"),
        (("::1", 22), "00000000000000000000000001000000:0016"),
        (("::ffff:10.1.2.3", 1), "0000000000000000FFFF00000302010A:0001"),
    ],
)
def test_addresses_are_written_as_the_kernel_does(name: tuple[str, int], text: str) -> None:
    assert encode_end(name) == text.encode()


def as_another_user(work: Callable[[], int]) -> int:
    """Return what the work says in a child of uid 65534."""
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        os._exit(work() // 100)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) * 100


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become somebody else")
def test_other_users_do_not_see_what_is_the_own_users(tmp_path: Path) -> None:
    with serve(Surface("page", answer, own_user_only=True), tmp_path) as port:
        assert ask(port)[0] == 200
        assert as_another_user(lambda: ask(port)[0]) == 400
    with serve(Surface("api", answer), tmp_path) as port:
        assert as_another_user(lambda: ask(port)[0]) == 200


@pytest.mark.parametrize("answers", [True, False])
def test_supervisord_is_asked_once_for_an_answer_through_the_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """Who asks under another name has to be the editor; the page then shows the services."""
    asked = []

    def query(folder: Path) -> dict[str, ServiceState]:
        asked.append(folder)
        if not answers:
            raise OSError("it hangs")
        return {EDITOR: ServiceState(EDITOR, "RUNNING", os.getpid(), 1.0, "")}

    def show(_request: Request, current: Context) -> Response:
        describe((), current)
        return Response(b"shown")

    monkeypatch.setattr(supervisord, "query_states", query)
    with serve(Surface("page", show, own_user_only=True), tmp_path) as port:
        assert ask(port, Host="proxy.example")[0] == (200 if answers else 403)
        assert len(asked) == 1
        assert ask(port, Host="proxy.example")[0] == (200 if answers else 403)
        assert len(asked) == 2, "each answer asks anew"
