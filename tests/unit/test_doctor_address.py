"""What doctor says of the proxies in front of the editor, by what comes back through them."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent.observe.checks import address
from agent.services import code_server
from agent.settings.check import Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

Answer = tuple[int, Mapping[str, str], bytes]
ALIVE = json.dumps({"status": "alive", "lastHeartbeat": 0}).encode()
COOKIE = {"Set-Cookie": "code-server-session-mine=; Path=/", "Location": "./"}
REFUSED = b'{"error":"Unauthorized"}'
GOOD: dict[str, Answer] = {
    "/healthz": (200, {}, ALIVE),
    "/logout": (302, COOKIE, b""),
    "socket": (401, {}, b""),
}
"""What an editor answers to somebody without a session."""


@contextlib.contextmanager
def answering(answers: Callable[[str], Answer]) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """Serve these answers by path, "socket" for a WebSocket; yield the URL and what was sent."""
    asked: list[Mapping[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(dict(self.headers.items()))
            is_socket = self.headers.get("Upgrade") == "websocket"
            status, headers, body = answers("socket" if is_socket else self.path)
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def make_context(folder: Path, **variables: str) -> Context:
    facts = make_facts(folder)
    (facts.runtime / code_server.CONFIG).write_bytes(
        code_server.encode({"cookie-suffix": "mine", "hashed-password": "$argon2id$secret"})
    )
    return Context(variables, Settings.from_environ(variables), facts)


@dataclass(frozen=True)
class Case:
    answers: Mapping[str, Answer]
    """Instead of those of a good proxy."""
    result: Result
    words: str
    fix: str
    path: str = ""


CASES = {
    "502": Case({"/healthz": (502, {}, b"<html>")}, Result.FAIL, "cannot reach the editor (502)",
                "port 8080 of this container"),
    "504": Case({"/healthz": (504, {}, b"")}, Result.FAIL, "in vain (504)", "port 8080"),
    "prefix": Case({"/octo/healthz": (401, {}, REFUSED)}, Result.FAIL, "passes /octo on",
                   "remove /octo from the path", "/octo"),
    "no route": Case({"/octo/healthz": (404, {}, b"<html>")}, Result.FAIL, "no route leads there",
                     "remove /octo", "/octo"),
    "login": Case({"/healthz": (401, {}, b"<html>")}, Result.UNKNOWN, "a login of its own",
                  "try it in a browser"),
    "sso": Case({"/healthz": (302, {"Location": "https://sso.example.com/x"}, b"")},
                Result.UNKNOWN, "leads on to sso.example.com", "try it in a browser"),
    "https": Case({"/healthz": (301, {"Location": "https://127.0.0.1/healthz"}, b"")},
                  Result.FAIL, "leads on to https://127.0.0.1", "DEV8_PUBLIC_URL=https://127"),
    "other": Case({"/healthz": (200, {}, b"<html>")}, Result.FAIL, "something else answers",
                  "where the proxy leads"),
    "other editor": Case({"/logout": (302, {"Set-Cookie": "code-server-session-x="}, b"")},
                         Result.FAIL, "not that of this workspace", "route"),
    "host": Case({"socket": (403, {}, b"")}, Result.FAIL, "does not pass on the host",
                 "set DEV8_PUBLIC_URL=http://127.0.0.1"),
    "upgrade": Case({"socket": (302, {"Location": "./login"}, b"")}, Result.FAIL,
                    "does not pass on Upgrade (302", "Upgrade and Connection"),
    "socket 502": Case({"socket": (502, {}, b"")}, Result.FAIL, "(502)", "for WebSockets"),
    "good": Case({}, Result.OK, "WebSockets come through", ""),
    "open": Case({"socket": (101, {}, b"")}, Result.OK, "WebSockets come through", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_wrong_with_a_proxy_is_named(case: Case, tmp_path: Path) -> None:
    answers = {**GOOD, **case.answers}
    with answering(lambda path: answers.get(path, (404, {}, b""))) as (url, asked):
        found = list(address.look_at(url + case.path, make_context(tmp_path)))
    last = found[-1]
    assert (last.result, case.words in last.summary, case.fix in last.fix) == (
        case.result, True, True), last  # fmt: skip
    assert all(each.result is Result.OK for each in found[:-1])
    assert not any("Cookie" in each or "Authorization" in each for each in asked)


def test_the_origin_is_that_of_the_page(tmp_path: Path) -> None:
    with answering(lambda path: GOOD.get(path, (404, {}, b""))) as (url, asked):
        list(address.look_at(url, make_context(tmp_path)))
    assert asked[-1]["Origin"] == url
    assert "127.0.0.1" in asked[-1]["Host"]


def test_an_accepted_host_that_is_refused_is_not_the_editors_doing(tmp_path: Path) -> None:
    answers = {**GOOD, "socket": (403, {}, b"")}
    with answering(lambda path: answers[path]) as (url, _):
        last = list(address.look(make_context(tmp_path, DEV8_PUBLIC_URL=url)))[-1]
    assert "something before the editor refuses" in last.summary


@pytest.mark.parametrize(("asked", "result"), [(True, Result.FAIL), (False, Result.UNKNOWN)])
def test_what_cannot_be_reached_from_here_may_be_from_elsewhere(
    *, asked: bool, result: Result, tmp_path: Path
) -> None:
    context = make_context(tmp_path, DEV8_PUBLIC_URL="https://127.0.0.1:9")
    found: list[Finding] = list(
        address.look_at("https://127.0.0.1:9", context) if asked else address.look(context)
    )
    assert [each.result for each in found] == [result]
    assert "cannot reach https://127.0.0.1:9 from inside" in found[0].summary


def test_plain_http_is_said(tmp_path: Path) -> None:
    found = list(address.look_at("http://name.invalid", make_context(tmp_path)))
    assert found[0].result is Result.WARN
    assert "not https" in found[0].summary


def test_without_an_address_there_is_nothing_to_look_at(tmp_path: Path) -> None:
    assert list(address.look(make_context(tmp_path))) == []
