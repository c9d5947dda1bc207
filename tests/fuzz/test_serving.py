"""What listens: any bytes get one whole answer of ours, or none; no header is the asker's."""

import socket
import threading
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

from agent.github.broker import Broker
from agent.machine.light.log import Logger
from agent.machine.secret import Secret, SecretInput
from agent.observe.serve import grammar, http
from agent.observe.serve.all import SURFACES, load
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import LINE, TEXT
from tests.worlds.machine import make_facts

PASSWORD = "the-password-of-metrics"
FACTS = make_facts(make_folder())
CONTEXT = Context({}, Settings.from_environ({"GITHUB_TOKEN": "ghp_0123456789"}), FACTS)
HEADERS = {
    "server",
    "date",
    "content-type",
    "content-length",
    "cache-control",
    "content-security-policy",
    "referrer-policy",
    "x-content-type-options",
    "www-authenticate",
}
WORDS = st.one_of(
    st.sampled_from(
        (
            "GET",
            "HEAD",
            "POST",
            "get",
            "/",
            "/x?a=b&a=%0d%0aX:1",
            "//h/x",
            "*",
            "HTTP/1.1",
            "HTTP/1.0",
            "HTTP/0.9",
            "HTTP/9.9",
            "HTTP/1.1.1",
            "Host: localhost",
            "Host: evil.example",
            "Host: [",
            "Host: 127.0.0.1:1",
            "Authorization: Basic Onh4",
            f"Authorization: Bearer {PASSWORD}",
            "Authorization: Basic é",
            "Accept: ;;q=,",
            "Content-Length: 99999999999",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
            "Host",
            ": x",
            " folded",
        )
    ),
    LINE,
)
FIRST = st.one_of(st.builds("{} {} {}".format, WORDS, WORDS, WORDS), WORDS)
BYTES = st.one_of(
    st.builds(
        lambda first, rows, end: "\r\n".join([first, *rows]).encode(errors="replace") + end,
        FIRST,
        st.lists(WORDS, max_size=5),
        st.sampled_from((b"\r\n\r\n", b"\n\n", b"", b"\r\n\r\nbody")),
    ),
    st.binary(max_size=60),
)


class Ears(Logger):
    """A log that remembers that it was told of an error."""

    def __init__(self) -> None:
        super().__init__("serve", "info")
        self.errors: list[str] = []

    def error(self, message: str, **_: object) -> None:
        self.errors.append(message)


def echo(request: Request, _current: Context) -> Response:
    """Say what was asked, as a surface would that shows it."""
    return Response(repr((request.path, dict(request.query))).encode(errors="replace"))


OPEN = Surface("open", echo)
CLOSED = Surface("closed", echo, password=lambda _: SecretInput("X", value=Secret(PASSWORD)))


def ask(surface: Surface, request: bytes) -> tuple[bytes, list[str]]:
    """Return all that is answered, and the errors that were logged."""
    log = Ears()
    server = http.Server(CONTEXT, log)
    ours, theirs = connect()
    with theirs:
        theirs.sendall(request)
        theirs.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=server.serve, args=(surface, ours), daemon=True)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        answer = b""
        while part := theirs.recv(1 << 16):
            answer += part
    return answer, log.errors


def connect() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        return listener.accept()[0], theirs


def check(answer: bytes) -> int:
    """Check that it is one whole answer of ours; return its status, 0 if there is none."""
    if not answer:
        return 0
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rows = head.decode("latin-1").split("\r\n")
    assert first.startswith(("HTTP/1.0 ", "HTTP/1.1 ")), first
    headers = [row.partition(": ")[0].lower() for row in rows]
    assert set(headers) <= HEADERS, headers
    assert len(headers) == len(set(headers))
    size = next(
        int(row.partition(": ")[2]) for row in rows if row.lower().startswith("content-length")
    )
    assert len(body) in (size, 0)
    return int(first.split()[1])


@fuzz(part=0.3, request=BYTES)
def test_any_request_gets_one_whole_answer(request: bytes) -> None:
    answer, errors = ask(OPEN, request)
    assert check(answer) != 500
    assert errors == []


@fuzz(part=0.3, request=BYTES)
def test_without_the_password_nothing_is_shown(request: bytes) -> None:
    answer, errors = ask(CLOSED, request)
    status = check(answer)
    assert status != 500
    assert status != 200 or PASSWORD.encode() in request
    assert PASSWORD.encode() not in answer or PASSWORD.encode() in request
    assert errors == []


@fuzz(
    part=0.1,
    path=TEXT,
    query=st.dictionaries(TEXT, TEXT, max_size=2),
    headers=st.dictionaries(st.sampled_from(("accept", "host")), LINE),
)
def test_a_surface_answers_any_path(
    path: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    for name in SURFACES:
        try:
            found = load(name).answer(Request(f"/no{path}", query, headers), CONTEXT)
        except NotFoundError:
            continue
        assert isinstance(found, Response)


@fuzz(target=TEXT, headers=st.dictionaries(st.sampled_from(("host", "referer", "accept")), TEXT))
def test_a_target_is_read(target: str, headers: dict[str, str]) -> None:
    with suppress(ValueError):
        assert grammar.read_request(target, headers).path.startswith("/")
    http.names_this_machine(target)


@fuzz(
    authorization=st.one_of(
        TEXT.map(lambda text: text.encode("latin-1", "replace").decode("latin-1")),
        st.binary(max_size=30).map(lambda text: text.decode("latin-1")),
    )
)
def test_nothing_else_is_the_password(authorization: str) -> None:
    assert not http.knows(authorization, PASSWORD)


REQUESTS = st.one_of(
    st.binary(max_size=300),
    st.builds(
        "renew {} {}{}".format,
        st.one_of(st.sampled_from(("github.com", "ghe.example.com", "..", "a" * 190)), LINE),
        st.one_of(st.just(""), st.just("0" * 64), LINE),
        st.sampled_from(("\n", "", "\nrenew github.com \n", "\r\n")),
    ).map(lambda text: text.encode(errors="replace")),
)


def make_broker() -> Any:
    current = Context({}, Settings.from_environ({}), FACTS)
    return Broker(current, Ears())


@fuzz(part=0.5, request=REQUESTS)
def test_the_broker_answers_a_line_or_nothing(request: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(request)
        theirs.shutdown(socket.SHUT_WR)
        make_broker().serve(ours)
        answer = theirs.makefile("rb").read()
    assert answer.count(b"\n") == (1 if answer else 0)
    assert answer != b"ok\n"
    assert answer.isascii()


def test_no_surface_is_left_out() -> None:
    assert set(SURFACES) == {"metrics", "page", "api"}
