"""What doctor says of hosts, proxies, certificates and the clock; all servers are on loopback."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent.machine.network import web
from agent.machine.network.proxies import find_proxy, is_excepted
from agent.observe.checks import clock, proxy, reach
from agent.observe.checks.hosts import Host, find_hosts
from agent.settings.check import Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.authority import Authority, write_files
from tests.worlds.limits import refuse_threads
from tests.worlds.machine import make_facts

NAME = "api.example.test"
SECRET = "secret-of-the-proxy"


@dataclass
class Served:
    """A server on loopback."""

    port: int
    asked: list[str]


@contextlib.contextmanager
def serving(folder: Path | None, *, ahead: timedelta = timedelta()) -> Iterator[Served]:
    """Serve HTTP, with TLS if there is a server.pem in the folder, with a clock that is ahead."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.path)
            self.send_response_only(200)
            self.send_header("Date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if folder:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "server.pem")
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Served(server.server_address[1], asked)
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def proxying(target: int, answer: bytes = b"200 OK") -> Iterator[Served]:
    """Serve as a proxy that leads every CONNECT to a port of loopback."""
    asked: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(near: socket.socket) -> None:
        with near:
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(4096)
            asked.append(head.decode())
            near.sendall(b"HTTP/1.1 " + answer + b"\r\n\r\n")
            if answer.startswith(b"200"):
                with socket.create_connection(("127.0.0.1", target)) as far:
                    threading.Thread(target=pump, args=(far, near), daemon=True).start()
                    pump(near, far)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield Served(listener.getsockname()[1], asked)
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # else it accepts the next test's callers
        thread.join(20)
        listener.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    found = Authority()
    write_files(tmp_path, found.sign(NAME, "localhost"))
    (tmp_path / "ca.pem").write_bytes(found.own.certificate)
    return found


# --- one host -----------------------------------------------------------------------------------


def test_a_host_whose_authority_is_trusted(tmp_path: Path, authority: Authority) -> None:
    assert authority
    with serving(tmp_path) as server:
        host = Host(f"https://localhost:{server.port}", "backups")
        found = reach.judge(host, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert found.result is Result.OK
    assert f"localhost:{server.port} (backups) answers" in found.summary
    assert "Octo Proxy CA inspects TLS, and is trusted" in found.summary


def test_an_inspecting_authority_is_named_with_what_makes_it_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    assert authority
    with serving(tmp_path) as server:
        found = reach.judge(Host(f"https://localhost:{server.port}", "GitHub"), {})
    assert found.result is Result.FAIL
    assert "its certificate is from Octo Proxy CA, which nothing here trusts" in found.summary
    assert "DEV8_CA_FILE" in found.fix


def test_a_certificate_that_has_ended_points_to_the_clock(tmp_path: Path) -> None:
    old = Authority(ended=True)
    write_files(tmp_path, old.sign("localhost"))
    (tmp_path / "ca.pem").write_bytes(old.own.certificate)
    with serving(tmp_path) as server:
        host = Host(f"https://localhost:{server.port}", "GitHub")
        found = reach.judge(host, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert found.result is Result.FAIL
    assert "expired" in found.summary
    assert found.fix == "devcopilot doctor clock"


def test_something_else_that_answers_under_the_name(tmp_path: Path) -> None:
    other = Authority("Hotel Portal CA")
    write_files(tmp_path, other.sign("portal.example"))
    (tmp_path / "ca.pem").write_bytes(other.own.certificate)
    with serving(tmp_path) as server:
        host = Host(f"https://localhost:{server.port}", "GitHub")
        found = reach.judge(host, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert "something else answers there, with a certificate from Hotel Portal CA" in found.summary


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_nobody_listens_nobody_speaks_tls_and_a_name_that_is_unknown() -> None:
    found = reach.judge(Host(f"https://127.0.0.1:{find_free_port()}", "GitHub"), {})
    assert "Connection refused" in found.summary
    with serving(None) as server:
        found = reach.judge(Host(f"https://127.0.0.1:{server.port}", "GitHub"), {})
        assert "does not speak TLS" in found.summary
        found = reach.judge(Host(f"http://127.0.0.1:{server.port}", "backups"), {})
        assert found.result is Result.OK
    found = reach.judge(Host("https://nobody.invalid", "GitHub"), {})
    assert (found.result, "its name is not known" in found.summary) == (Result.FAIL, True)
    assert "resolv.conf" in found.fix


def test_a_connection_that_does_not_come_about_is_no_answer_that_does_not_come() -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as server,
        contextlib.ExitStack() as held,
    ):
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(TimeoutError) as caught, web.connect(url, {}, timeout=3) as connection:
            connection.request("GET", "/")
            connection.getresponse()
        assert not isinstance(caught.value, web.ConnectTimeoutError), "it was sent"
        with pytest.raises(web.ConnectTimeoutError):
            while True:  # until no more fit before the door
                held.enter_context(web.connect(url, {}, timeout=0.2))


def test_one_that_hangs_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    judge = reach.judge

    def wait(host: Host, environ: dict[str, str]) -> object:
        if host.use == "slow":
            gate.wait(30)
        return judge(host, environ)

    monkeypatch.setattr(reach, "judge", wait)
    hosts = (Host("https://10.0.0.1", "slow"), Host(f"http://127.0.0.1:{find_free_port()}", "x"))
    slow, fast = reach.judge_all(hosts, {}, patience=1.0)
    gate.set()
    assert "no answer within 1 s" in slow.summary
    assert "Connection refused" in fast.summary


def test_without_a_further_thread_hosts_are_asked_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_threads(monkeypatch)
    hosts = [Host(f"http://127.0.0.1:{find_free_port()}", "x") for _ in range(2)]
    found = list(reach.judge_all(hosts, {}))
    assert len(found) == 2
    assert all("Connection refused" in each.summary for each in found)


# --- proxies ------------------------------------------------------------------------------------


def test_a_proxy_is_gone_through_with_its_login(tmp_path: Path, authority: Authority) -> None:
    assert authority
    with serving(tmp_path) as server, proxying(server.port) as given:
        environ = {
            "HTTPS_PROXY": f"http://user:{SECRET}@127.0.0.1:{given.port}",
            "SSL_CERT_FILE": str(tmp_path / "ca.pem"),
        }
        found = reach.judge(Host(f"https://{NAME}", "GitHub"), environ)
    assert found.result is Result.OK, found
    assert "through the proxy 127.0.0.1" in found.summary
    assert given.asked[0].startswith(f"CONNECT {NAME}:443 ")
    assert "Proxy-Authorization: Basic" in given.asked[0]
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("answer", "words", "fix"),
    [
        (b"407 Proxy Authentication Required", "the proxy asks for a login", "USER:PASSWORD"),
        (b"403 Forbidden", "the proxy says: 403 Forbidden", "NO_PROXY"),
    ],
)
def test_a_proxy_that_refuses(answer: bytes, words: str, fix: str) -> None:
    with proxying(0, answer) as given:
        environ = {"https_proxy": f"127.0.0.1:{given.port}"}
        found = reach.judge(Host(f"https://{NAME}", "GitHub"), environ)
    assert (found.result, words in found.summary, fix in found.fix) == (Result.FAIL, True, True)


def test_a_proxy_that_only_others_can_speak_to_is_no_failure() -> None:
    found = reach.judge(Host(f"https://{NAME}", "x"), {"HTTPS_PROXY": "socks5://127.0.0.1:1"})
    assert found.result is Result.UNKNOWN
    found = reach.judge(Host(f"https://{NAME}", "x"), {"HTTPS_PROXY": "http://proxy:many"})
    assert (found.result, found.fix) == (Result.FAIL, "fix HTTPS_PROXY")


@pytest.mark.parametrize(
    ("host", "given", "excepted"),
    [
        ("github.com", "", False), ("localhost", "", True), ("127.8.8.8", "", True),
        ("github.com", "github.com", True), ("api.github.com", "github.com", True),
        ("api.github.com", ".github.com", True), ("api.github.com", "*.github.com", True),
        ("notgithub.com", "github.com", False), ("github.com", "*", True),
        ("10.1.2.3", "10.0.0.0/8", True), ("11.1.2.3", "10.0.0.0/8, x", False),
        ("10.1.2.3", "10.1.2.3", True), ("GitHub.com", " github.com ,", True),
    ],
)  # fmt: skip
def test_what_no_proxy_names(host: str, given: str, excepted: bool) -> None:
    assert is_excepted(host, {"NO_PROXY": given}) is excepted


def test_small_letters_win() -> None:
    both = {"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}
    found = find_proxy("https", "github.com", both)
    assert found
    assert (found.host, found.port, found.variable) == ("a", 1, "https_proxy")
    assert find_proxy("http", "github.com", both) is None


def test_the_variables_of_proxies() -> None:
    assert list(proxy.judge({})) == []
    good = {"HTTPS_PROXY": f"http://user:{SECRET}@proxy:3128", "NO_PROXY": "localhost,127.0.0.1"}
    (found,) = proxy.judge(good)
    assert found.result is Result.OK
    assert found.summary.startswith("HTTPS_PROXY=proxy:3128; ssh and git over ssh, Java")
    assert SECRET not in str(found)
    bad = {"HTTPS_PROXY": "http://proxy:many", "https_proxy": "http://other:3128",
           "HTTP_PROXY": "http://proxy:3128"}  # fmt: skip
    found_of = {each.part: each for each in proxy.judge(bad)}
    assert found_of["https_proxy"].result is Result.WARN
    assert "curl and git do not read HTTP_PROXY" in found_of["http_proxy"].summary
    assert found_of["NO_PROXY"].fix == "add localhost,127.0.0.1 to NO_PROXY"
    assert found_of["HTTPS_PROXY"].result is Result.FAIL


# --- the clock ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "result", "words"),
    [
        (0, Result.OK, "the clock agrees with"),
        (300, Result.WARN, "behind"),
        (-300, Result.WARN, "ahead"),
        (7200, Result.FAIL, "2 h 0 min behind"),
    ],
)
def test_the_clock_by_what_a_server_says(
    tmp_path: Path, ahead: int, result: Result, words: str
) -> None:
    write_files(tmp_path, Authority("unknown", ended=True).sign("localhost"))
    with serving(tmp_path, ahead=timedelta(seconds=ahead)) as server:
        host = Host(f"https://127.0.0.1:{server.port}", "GitHub")
        there = clock.ask_time(host, {})
    found = clock.judge({host.name: (there - datetime.now(UTC)).total_seconds()})
    assert (found.result, words in found.summary) == (result, True), found


def test_without_a_server_the_clock_is_not_known() -> None:
    assert clock.judge({}).result is Result.UNKNOWN
    assert clock.judge({"a": 4000.0, "b": 1.0}).result is Result.OK  # one server may be wrong


# --- which hosts --------------------------------------------------------------------------------


def test_the_hosts_that_are_needed(tmp_path: Path) -> None:
    given = {
        "GH_HOST": "git.example.com", "GITHUB_TOKEN": "x" * 20,
        "DEV8_REPOSITORIES": "https://gitlab.example/a/b.git; git@example.org:a/c.git",
        "ANTHROPIC_API_KEY": "k" * 20, "OPENAI_API_KEY": "k" * 20,
        "AWS_S3_BUCKET": "bucket", "DEV8_BACKUP_S3_ENDPOINT": "http://minio:9000",
        "DEV8_BACKUP_PASSWORD": "a password",
        "AGENT_BASE_URL": "https://plane.example:8443", "ENVIRONMENT_ID": "env-1",
    }  # fmt: skip
    facts = make_facts(tmp_path, OPENAI_BASE_URL="https://gateway.example/v1")
    found = find_hosts(Context(given, Settings.from_environ(given), facts))
    assert {host.name: host.use for host in found} == {
        "git.example.com": "GitHub",
        "gitlab.example": "repositories",
        "minio:9000": "backups",
        "plane.example:8443": "control plane",
        "api.anthropic.com": "Claude Code",
        "gateway.example": "Codex",
    }
