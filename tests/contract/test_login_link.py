"""login-link.cjs in a real Node: what a link gives, once, and what becomes of cookies.

The server behind it answers as code-server 4.139 does; e2e/test_proxies.py has the real one.
"""

import http.client
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode

import pytest

from agent.services import code_server, login_link
from agent.services.editor_login import Hash
from agent.settings.everything import Settings
from tests.worlds.clocks import DrivenClock
from tests.worlds.machine import make_facts
from tests.worlds.needs import need

NAME = "code-server-session-octo"
SERVER = """
const { createServer } = require("node:http");
const server = createServer((request, response) => {
  const gone = request.url === "/logout" ? "; Expires=Thu, 01 Jan 1970 00:00:00 GMT" : "";
  response.setHeader("Set-Cookie", [`NAME=hash; Path=/octo${gone}; SameSite=Lax`, "other=1"]);
  response.writeHead(302, { Location: "./" });
  response.end("code-server");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
""".replace("NAME", NAME)
PUBLIC = "https://example.com/octo"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def cookies(self) -> list[str]:
        return self.headers.get_all("Set-Cookie") or []


@dataclass
class Door:
    """A running server with the module in front."""

    port: int
    folder: Path
    log: Path

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request(method, path, body, headers)
            found = connection.getresponse()
            return Answer(found.status, found.headers, found.read().decode())

    def post(self, token: str) -> Answer:
        return self.ask("POST", "/devcopilot/open", urlencode({"token": token}))

    def make_link(self, seconds: float = 60.0) -> str:
        facts = make_facts(self.folder)
        settings = Settings.from_environ({"DEV8_PUBLIC_URL": PUBLIC})
        return login_link.make(settings, facts, seconds).token


def start(folder: Path, public: str) -> Iterator[Door]:
    node = shutil.which("node")
    need(node, "needs node, which scripts/programs.sh fetches")
    assert node
    facts = make_facts(folder)
    front = Settings.from_environ({"DEV8_PUBLIC_URL": public}).front
    door = login_link.encode_door(Hash("$argon2id$hash"), NAME, front)
    (facts.runtime / login_link.DOOR).write_bytes(door)
    (folder / "server.js").write_text(SERVER)
    log = folder / "log"
    environ = {"DEV8_RUNTIME_DIR": str(facts.runtime), "PATH": os.environ["PATH"]}
    with log.open("w") as errors, subprocess.Popen(
        [node, "--require", code_server.LOGIN_LINK, folder / "server.js"],
        stdout=subprocess.PIPE, stderr=errors, text=True, env=environ,
    ) as process:  # fmt: skip
        assert process.stdout
        try:
            yield Door(int(process.stdout.readline()), folder, log)
        finally:
            process.kill()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    yield from start(tmp_path, PUBLIC)


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Door]:
    yield from start(tmp_path, "")


def test_a_link_logs_in_once(door: Door) -> None:
    token = door.make_link()
    first, second = door.post(token), door.post(token)
    assert (first.status, first.headers["Location"]) == (303, "../")
    assert first.cookies == [
        f"{NAME}=%24argon2id%24hash; Domain=example.com; Path=/octo; HttpOnly; Secure; "
        "SameSite=None; Partitioned"
    ]
    assert (second.status, second.cookies) == (410, [])
    assert "it was used" in second.body


def test_whoever_only_looks_uses_up_nothing(door: Door) -> None:
    token = door.make_link()
    for method in ("GET", "HEAD"):
        found = door.ask(method, "/devcopilot/open")
        assert (found.status, found.cookies) == (200, [])
    assert door.ask("GET", f"/devcopilot/open?token={token}").status == 200
    assert door.ask("DELETE", "/devcopilot/open").status == 405
    assert door.post(token).status == 303


def test_a_link_ends(door: Door) -> None:
    token = door.make_link(seconds=-1.0)
    found = door.post(token)
    assert (found.status, found.cookies) == (410, [])


def test_setting_the_clock_back_prolongs_no_link(door: Door) -> None:
    clock = DrivenClock()
    clock.set(days=-400)
    facts = replace(make_facts(door.folder), clock=clock)
    link = login_link.make(Settings.from_environ({}), facts, -2000.0)
    assert door.post(link.token).status == 410


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("token=wrong", 404),
        (f"token={'a' * 43}", 404),
        ("token=../code-server.door.json", 404),
        ("token=", 400),
        ("", 400),
        ("{}", 400),
    ],
)
def test_what_is_no_link_gives_nothing(body: str, status: int, door: Door) -> None:
    kept = door.make_link()
    found = door.ask("POST", "/devcopilot/open", body)
    assert (found.status, found.cookies) == (status, [])
    assert door.post(kept).status == 303


def test_a_digest_is_no_token(door: Door) -> None:
    """Nobody gets in who has seen the folder's names."""
    door.make_link()
    (name,) = (each.name for each in (make_facts(door.folder).runtime / "links").iterdir())
    assert door.post(name).status == 404


def test_a_long_request_is_hung_up_on(door: Door) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        door.ask("POST", "/devcopilot/open", "token=" + "a" * 100_000)
    assert door.post(door.make_link()).status == 303


def test_a_damaged_link_opens_nothing(door: Door) -> None:
    token = door.make_link()
    for file in (make_facts(door.folder).runtime / "links").iterdir():
        file.write_text("{")
    assert door.post(token).status == 410


def test_the_page_may_run_its_own_script_alone_and_sends_no_address_on(door: Door) -> None:
    found = door.ask("GET", "/devcopilot/open")
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert found.headers["Referrer-Policy"] == "no-referrer"
    assert found.headers["Cache-Control"] == "no-store"
    assert "Open it again as it was sent" in found.body


def test_a_login_at_the_public_address_also_counts_in_a_frame(door: Door) -> None:
    flags = "; HttpOnly; Secure; SameSite=None; Partitioned"
    found = door.ask("POST", "/login", Origin="https://example.com")
    assert found.cookies == [f"{NAME}=hash; Path=/octo{flags}", "other=1"]
    for origin in (
        "https://example.com:8443",
        "http://example.com",
        "null",
        "https://evil.example",
    ):
        found = door.ask("POST", "/login", Origin=origin)
        assert found.cookies[0] == f"{NAME}=hash; Path=/octo; SameSite=Lax; HttpOnly"


def test_a_logout_takes_both_away(door: Door) -> None:
    gone = f"{NAME}=hash; Path=/octo; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    assert door.ask("GET", "/logout").cookies == [
        f"{gone}; SameSite=Lax", f"{gone}; HttpOnly; Secure; SameSite=None; Partitioned", "other=1",
    ]  # fmt: skip


def test_other_pages_are_left_alone(door: Door) -> None:
    found = door.ask("GET", "/")
    assert (found.body, found.cookies[0]) == (
        "code-server", f"{NAME}=hash; Path=/octo; SameSite=Lax",
    )  # fmt: skip


def test_over_http_a_cookie_stays_within_its_site(plain: Door) -> None:
    found = plain.post(plain.make_link())
    assert found.cookies == [f"{NAME}=%24argon2id%24hash; Path=/; SameSite=Lax; HttpOnly"]
    assert plain.ask("POST", "/login").cookies[0].endswith("; SameSite=Lax; HttpOnly")


def test_where_no_password_is_asked_for_there_is_no_door(door: Door) -> None:
    (make_facts(door.folder).runtime / login_link.DOOR).unlink()
    assert door.post(door.make_link()).body == "code-server"
