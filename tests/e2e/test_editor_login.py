"""The editor's login, attacked: only the password opens it, and no stranger makes it hang."""

import http.client
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.worlds.containers import HARDENED, MVP, Container, Recipe, answers_http, running
from tests.worlds.waiting import wait_until

PASSWORD = "correct horse"
CONFIG = "/dev/shm/devcopilot-1000/code-server.yaml"
FOREVER = 2**32 - 1
GUARDED = "/update/check"
"""A page that only who has logged in may see, and that leaves no trace."""
ASK = """
import sys
from agent.services import probes
from agent.services.service import HttpProbe
port = int(sys.argv[1])
print(probes.check(HttpProbe(port, "/healthz"), 60.0))
login = HttpProbe(port, "/healthz", method="POST", expected=(401,), accept="text/html")
while not (said := probes.check(login, 3.0)):
    pass  # the strangers are not there yet
print(said)
"""


def forge(password: str, length: int = 32, passes: int = 1, told: int | None = None) -> str:
    """Return a hash of the password as a stranger makes it; `told`: the passes that it names."""
    salt = b"saltsalt"
    kdf = Argon2id(salt=salt, length=length, iterations=passes, lanes=1, memory_cost=8)
    texts = [b64encode(part).decode().rstrip("=") for part in (salt, kdf.derive(password.encode()))]
    return f"$argon2id$v=19$m=8,t={told or passes},p=1${texts[0]}${texts[1]}"


def ask(port: int, cookie: str, path: str = GUARDED) -> int:
    """Return the status of a page, asked for with this header's value."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie})
        return connection.getresponse().status


def make_cookie(box: Container, text: str) -> str:
    """Return the cookie of a session there as one header's value."""
    return f"code-server-session-{find_option(box, 'cookie-suffix')}={quote(text, safe='')}"


def find_option(box: Container, name: str) -> str:
    """Return what the running code-server was given."""
    script = f"import yaml; print(yaml.safe_load(open({CONFIG!r}))[{name!r}])"
    return box.execute("/opt/devcopilot/bin/python", "-I", "-c", script)


def find_hash(box: Container) -> str:
    return find_option(box, "hashed-password")


@pytest.fixture(scope="module")
def box() -> Iterator[Container]:
    with running(Recipe(MVP, (*HARDENED, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"))) as made:
        made.wait_ready()
        yield made


def test_a_session_is_the_hash_and_nothing_like_it(box: Container) -> None:
    right = find_hash(box)
    assert ask(box.ide_port, make_cookie(box, right)) == 200
    for text in (
        "",
        right[:-1],
        right + "A",
        right.swapcase(),
        right.replace("$m=", "$m=0"),
        forge(PASSWORD),
        forge(PASSWORD, length=4),
        forge(PASSWORD, told=FOREVER),
        "$argon2id$",
        f'j:{{"toString":"{right}"}}',
        f'j:["{right}"]',
        "A" * 12_000,
    ):
        assert ask(box.ide_port, make_cookie(box, text)) == 401, text[:80]


def test_many_cookies_are_one(box: Container) -> None:
    right, wrong = make_cookie(box, find_hash(box)), make_cookie(box, forge(PASSWORD))
    assert ask(box.ide_port, "; ".join([wrong] * 50)) == 401
    assert ask(box.ide_port, f"{wrong}; {right}") == 401, "the first of a name counts"


def test_cookies_that_ask_for_endless_work_get_none(box: Container) -> None:
    with ThreadPoolExecutor(12) as pool:
        cookies = [make_cookie(box, forge(PASSWORD, told=FOREVER))] * 24
        assert set(pool.map(lambda cookie: ask(box.ide_port, cookie), cookies)) == {401}
    assert ask(box.ide_port, "", "/login") == 200
    assert box.call("devcopilot", "health").returncode == 0


def test_the_probe_fails_where_a_login_hangs_and_a_page_of_health_does_not(box: Container) -> None:
    """A code-server that was given a password in clear, and strangers who know that."""
    port = "9998"
    config = f"auth: password\npassword: {PASSWORD}\nbind-addr: 127.0.0.1:{port}\n"
    config += f"cookie-suffix: {find_option(box, 'cookie-suffix')}\n"
    box.execute("sh", "-c", f"printf '{config}' >/tmp/clear.yaml")
    cookie = make_cookie(box, forge(PASSWORD, told=FOREVER))
    script = (
        "code-server --config /tmp/clear.yaml --user-data-dir /tmp/clear >/dev/null 2>&1 & "
        f"until curl -sf http://127.0.0.1:{port}/healthz; do :; done; "
        f"for n in 1 2 3 4 5 6; do curl -sm 100 -H 'Cookie: {cookie}' "
        f"http://127.0.0.1:{port}{GUARDED} & done; "
        f"/opt/devcopilot/bin/python -I -c '{ASK}' {port}; kill -9 %1; pkill -9 -f clear"
    )
    said = box.call("bash", "-c", script).stdout
    assert "None\nport 9998 does not answer within 3 s\n" in said, said


def test_a_code_server_started_by_hand_is_as_safe(box: Container) -> None:
    """In a terminal: what it reads holds no password either."""
    address = "127.0.0.1:9997"
    box.execute("sh", "-c", f"code-server --bind-addr {address} >/tmp/by-hand 2>&1 &")

    def find_status(*options: str) -> str:
        words = ("curl", "-so", "/dev/null", "-w", "%{http_code}", *options)
        return box.call(*words, f"http://{address}{GUARDED}").stdout

    wait_until(lambda: find_status() == "401", "the code-server asks who is there")
    assert find_status("-H", f"Cookie: {make_cookie(box, forge(PASSWORD, length=4))}") == "401"
    assert find_status("-H", f"Cookie: {make_cookie(box, find_hash(box))}") == "200"
    assert PASSWORD not in box.execute("sh", "-c", "cat ~/.config/code-server/*")
    tries = f"for n in $(seq 60); do curl -sd password=wrong http://{address}/login & done; wait"
    check_limit(box.execute("bash", "-c", tries).split("</html>")[:-1])


def check_limit(pages: list[str]) -> None:
    """See that no more of these logins were checked than code-server wants: 2 and 12."""
    checked = sum("Incorrect password" in page for page in pages)
    assert 1 <= checked <= 15
    assert sum("rate limited" in page for page in pages) == len(pages) - checked


def test_logins_at_the_same_moment_are_limited_like_others(box: Container) -> None:
    """At most 2 a minute and 12 an hour; last, since nobody logs in for a while after it."""

    def try_password(number: int) -> str:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        with closing(http.client.HTTPConnection("127.0.0.1", box.ide_port, timeout=60)) as made:
            made.request("POST", "/login", f"password=wrong{number}", kind)
            return made.getresponse().read().decode()

    with ThreadPoolExecutor(60) as pool:
        check_limit(list(pool.map(try_password, range(120))))


def test_a_stranger_cannot_have_messages_kept(box: Container) -> None:
    """A WebSocket of /healthz would take in 100 MiB on each connection."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for path, status in (("/healthz", 404), ("/healthz/", 404), ("/", 401)):
        with closing(http.client.HTTPConnection("127.0.0.1", box.ide_port, timeout=120)) as made:
            made.request("GET", path, headers=upgrade)
            assert made.getresponse().status == status, path
    assert box.call("devcopilot", "health").returncode == 0


def test_a_stranger_cannot_have_pages_grow(box: Container) -> None:
    """What `String.replace` takes for a pattern would be all of the page before it."""
    for pattern in ("$`", "$'", "$&", "$$"):
        with closing(http.client.HTTPConnection("127.0.0.1", box.ide_port, timeout=120)) as made:
            made.request("GET", f"/x?to={pattern * 5000}", headers={"Accept": "text/html"})
            page = made.getresponse().read()
        assert 0 < len(page) < 100_000, pattern


def log_in(port: int, password: str, cookies: dict[str, str]) -> None:
    """Log in as a browser does, which keeps one set of cookies for all ports of a host."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as made:
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": join(cookies)}
        made.request("POST", "/login", f"password={quote(password)}", kind)
        answer = made.getresponse()
        assert answer.status == 302
        for header in answer.headers.get_all("Set-Cookie", []):
            cookies.update({item.key: item.coded_value for item in SimpleCookie(header).values()})


def join(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def test_a_login_to_one_workspace_ends_none_to_another_on_the_same_host() -> None:
    cookies: dict[str, str] = {}
    recipe = Recipe(MVP, (*HARDENED, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"))
    with running(recipe) as one, running(recipe) as other:
        for made in (one, other):
            made.wait_ready()
            log_in(made.ide_port, PASSWORD, cookies)
        assert [ask(made.ide_port, join(cookies)) for made in (one, other)] == [200, 200]


def test_a_session_outlives_a_restart(box: Container) -> None:
    before = make_cookie(box, find_hash(box))
    box.stop()
    box.start()
    box.wait_ready()
    assert ask(box.ide_port, before) == 200


def test_an_ide_without_its_first_page_is_not_ready(tmp_path: Path) -> None:
    broken = tmp_path / "server-main.js"
    broken.write_text("throw new Error('broken')\n")
    broken.chmod(0o644)
    tmp_path.chmod(0o755)
    place = "/opt/code-server/node_modules/code-server/lib/vscode/out/server-main.js"
    with running(Recipe(MVP, ("-v", f"{broken}:{place}:ro"))) as made:
        wait_until(lambda: answers_http(made.ide_port), "the editor says that it is alive")
        said = made.call("devcopilot", "health")
        assert (said.returncode, said.stdout) == (1, "code-server: port 8080/ answers 500\n")


def test_the_made_password_is_printed_for_who_may_see_it_and_not_in_the_log() -> None:
    with running(Recipe(MVP, HARDENED)) as made:
        made.wait_ready()
        password = made.execute("devcopilot", "password")
        assert len(password) >= 16
        assert password not in made.logs()
        assert "devcopilot password" in made.logs()
    with running(Recipe(MVP, (*HARDENED, "-e", "DEV8_LOG_PASSWORD=true"))) as made:
        made.wait_ready()
        assert made.logs().count(made.execute("devcopilot", "password")) == 1


def test_without_a_password_the_ide_is_ready_too() -> None:
    with running(Recipe(MVP, (*HARDENED, "-e", "CODE_SERVER_AUTH=none"))) as made:
        made.wait_ready()
        assert ask(made.ide_port, "") == 200
        said = made.call("devcopilot", "password")
        assert (said.returncode, said.stdout) == (1, "")
        assert "CODE_SERVER_AUTH=none" in said.stderr
