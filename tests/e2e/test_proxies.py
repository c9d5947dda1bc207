"""The editor behind real proxies, as docs/proxies.md has them; doctor on those that are wrong."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.containers import DOCKER, HARDENED, MVP, Container, docker, running
from tests.worlds.proxies import Net, curl, make_net
from tests.worlds.waiting import wait_until

PASSWORD = "correct horse"
PUBLIC = "https://example.com/octo"
EDITOR = "octo.ws.example.test"
SAME, OTHER = "app.example.test", "front.example.net"
"""Front ends: of the website to which EDITOR belongs, and of another one."""
FRONTS = [f"https://{host}/environments/octo/ide" for host in (SAME, OTHER)]
BROKEN = {
    "no-upgrade.example.com": ("location / { proxy_pass http://octo:8080; "
                               "proxy_set_header Host $http_host; }",
                               "websocket", "does not pass on Upgrade"),
    "other-host.example.com": ("location / { proxy_pass http://octo:8080; "
                               "proxy_set_header Host octo; "
                               "proxy_set_header Upgrade $http_upgrade; "
                               "proxy_set_header Connection $connection_upgrade; }",
                               "websocket", "does not pass on the host"),
    "nobody.example.com": ("location / { proxy_pass http://octo:9; }",
                           "healthz", "cannot reach the editor (502)"),
    "page.example.com": ("location / { return 200 hello; }", "healthz", "something else answers"),
    "stranger.example.com": ("ssl_certificate /etc/ssl/workspaces/stranger-fullchain.pem; "
                             "ssl_certificate_key /etc/ssl/workspaces/stranger-key.pem; "
                             "location / { proxy_pass http://octo:8080; }",
                             "reach", "which nothing here trusts"),
    "kept.example.com/octo": ("location /octo/ { proxy_pass http://octo:8080; }",
                              "healthz", "passes /octo on"),
}  # fmt: skip
"""Address -> what nginx does there, the part at which doctor ends, and its words."""


def write_servers() -> str:
    """Return the servers of BROKEN."""
    usual = ("ssl_certificate /etc/ssl/workspaces/fullchain.pem; "
             "ssl_certificate_key /etc/ssl/workspaces/key.pem;")  # fmt: skip
    return "\n".join(
        f"server {{ listen 443 ssl; server_name {address.partition('/')[0]}; "
        f"{'' if 'ssl_certificate' in rules else usual} {rules} }}"
        for address, (rules, _, _) in BROKEN.items()
    )


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    names = (address.partition("/")[0] for address in BROKEN)
    with make_net(tmp_path_factory.mktemp("net"), *names, EDITOR, SAME, OTHER) as made:
        yield made


@pytest.fixture(scope="module")
def octo(net: Net) -> Iterator[Container]:
    """A workspace whose public address is the path of the snippets; their host is trusted, too."""
    options = (
        *HARDENED, "-v", f"{net.authority}:/run/ca.pem:ro", "-e", "DEV8_CA_FILE=/run/ca.pem",
        "-e", "DEV8_PUBLIC_URL=https://example.com/octo", "-e", "ENVIRONMENT_ID=octo",
        "-e", "DEV8_CODE_SERVER_TRUSTED_ORIGINS=dev.example.com",
        "-e", f"CODE_SERVER_PASSWORD={PASSWORD}", "-e", "DEV8_API_PORT=9000",
    )  # fmt: skip
    with running(net.recipe(MVP, ("octo",), options)) as box:
        box.wait_ready()
        yield box


def examine(box: Container, url: str) -> list[dict[str, Any]]:
    """Return what doctor finds at an address."""
    rows: list[dict[str, Any]] = json.loads(
        box.call("devcopilot", "doctor", "--url", url, "--json").stdout
    )
    return rows


@pytest.mark.parametrize("kind", ["nginx", "caddy", "traefik"])
def test_the_snippets_lead_to_the_editor(kind: str, net: Net, octo: Container) -> None:
    with net.proxy(kind) as proxy:
        cookie = redeem_through(proxy, octo)
        for url in ("https://dev.example.com", PUBLIC):
            if kind != "caddy":  # it signs for itself
                rows = examine(octo, url)
                assert [(row["part"], row["result"]) for row in rows] == [
                    ("healthz", "ok"), ("page", "ok"), ("websocket", "ok")], rows  # fmt: skip
            assert open_socket(proxy, cookie, url, url) == 101
            assert open_socket(proxy, cookie, url, "https://evil.example") == 403
            look_at_page(proxy, cookie, url)


def look_at_page(proxy: Container, cookie: str, url: str) -> None:
    """See the page and the local API at this address, whatever path it has, once logged in."""
    page = curl(proxy, "-H", f"Cookie: {cookie}", f"{url}/proxy/8079/")
    assert page.endswith("200"), page
    assert "<title>" in page
    assert not re.search(r"""(?:href|src|action)=["']?/""", page), "no path is the host's own"
    health = curl(proxy, "-H", f"Cookie: {cookie}", f"{url}/proxy/9000/health")
    assert health.endswith("200")
    assert '"healthy": true' in health
    for path, status in (("8079/", "302"), ("9000/health", "401")):  # to the login; its refusal
        assert curl(proxy, "-o", "/dev/null", f"{url}/proxy/{path}").endswith(status)


def redeem_through(proxy: Container, box: Container) -> str:
    """Redeem a link through the proxy, and again; return the session's cookie."""
    link = json.loads(box.execute("devcopilot", "open", "--json"))
    assert link["url"].startswith(f"{PUBLIC}/devcopilot/open#")
    first = curl(proxy, "-i", "-d", f"token={link['token']}", link["action"])
    assert first.endswith("303"), first
    flags = "; Domain=example.com; Path=/octo; HttpOnly; Secure; SameSite=None; Partitioned"
    found = re.search(rf"(?im)^set-cookie: (code-server-session-octo=[^;]+){flags}\r?$", first)
    assert found, first
    assert curl(proxy, "-d", f"token={link['token']}", link["action"]).endswith("410")
    assert curl(proxy, "-d", "token=wrong", link["action"]).endswith("404")
    assert link["token"] not in proxy.logs() + box.logs()
    return found[1]


OPEN = """
import http.client, ssl, sys, urllib.parse
url, cookie, origin = sys.argv[1:]
parts = urllib.parse.urlsplit(url)
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
connection = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
connection.request("GET", f"{parts.path}?{parts.query}", headers={
    "Cookie": cookie, "Origin": origin, "Connection": "Upgrade", "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
print(connection.getresponse().status)
"""
"""Prints the first line's status; curl would go on until its time is over."""


def open_socket(proxy: Container, cookie: str, url: str, origin: str) -> int:
    """Return the status of the editor's WebSocket for who is logged in."""
    target = f"{url}/?reconnectionToken=x&reconnection=false&skipWebSocketFrames=false"
    return int(proxy.execute("python", "-c", OPEN, target, cookie, origin))


def test_doctor_names_what_a_proxy_does_wrong(net: Net, octo: Container) -> None:
    names = {address.partition("/")[0] for address in BROKEN}
    with net.proxy("nginx", *names, more=write_servers()) as proxy:
        for address, (_, part, words) in BROKEN.items():
            last = examine(octo, f"https://{address}")[-1]
            assert (last["part"], last["result"]) == (part, "fail"), last
            assert words in last["summary"]
        assert octo.call("devcopilot", "doctor", "--url", "https://example.com/octo",
                         "--strict").returncode == 0  # fmt: skip
        assert PASSWORD not in proxy.logs()


TOP = Path(__file__).resolve().parents[2]
TESTS = ("-v", f"{TOP / 'tests'}:/fake/tests:ro", "-e", "PYTHONPATH=/fake")
USUAL = """ssl_certificate /etc/ssl/workspaces/fullchain.pem;
    ssl_certificate_key /etc/ssl/workspaces/key.pem;"""
SERVERS = f"""
server {{ listen 443 ssl; server_name {SAME} {OTHER}; {USUAL}
    location / {{ proxy_pass http://127.0.0.1:8000; proxy_set_header X-Forwarded-User ada; }} }}
server {{ listen 443 ssl; server_name {EDITOR}; {USUAL}
    location / {{ proxy_pass http://framed:8080; }} }}
"""
NEXT = "sh -c 'set -- /links/{id}/*; cat $1; rm $1'"
"""In place of `docker exec`: links that were made before, each once."""
COOKIE = {"path": "/octo", "httpOnly": True, "secure": True, "sameSite": "None"}


def browse(proxy: Container, script: str, *words: str) -> dict[str, Any]:
    """Return what a real browser saw that runs beside the proxy."""
    done = subprocess.run(
        [DOCKER, "exec", "--user", "1000", proxy.name,
         "python", "-m", f"tests.e2e.browse_{script}", *words],
        check=False, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def seen(net: Net, octo: Container) -> dict[str, Any]:
    """What was seen by a link, and with the password."""
    with net.proxy("nginx", options=TESTS) as proxy:
        return browse(proxy, "proxies", octo.execute("devcopilot", "open"), PASSWORD)


def test_a_person_opens_the_editor_by_a_link(seen: dict[str, Any]) -> None:
    link = seen["link"]
    assert link["shown"] == f"{PUBLIC}/devcopilot/open", "the token is gone from the address"
    assert link["editor"] == f"{PUBLIC}/"
    assert any(url.startswith("wss://example.com/octo/") for url in link["sockets"])
    assert [{name: each[name] for name in COOKIE} for each in link["cookies"]] == [COOKIE]
    assert not link["script"], "no script sees the session"
    assert "This link is over" in link["again"]
    assert link["left"] == [], "the editor's own logout takes it away"


def test_the_password_gives_the_same_session(seen: dict[str, Any]) -> None:
    found = seen["password"]
    assert [{name: each[name] for name in COOKIE} for each in found["cookies"]] == [COOKIE]
    assert found["left"] == []


@pytest.fixture(scope="module")
def framed(net: Net, octo: Container) -> Iterator[dict[str, Any]]:
    """What was seen in frames of two front ends, in normal and in private windows.

    The snippets need `octo`; this is one more workspace, below the website of a front end.
    """
    options = ("-e", f"DEV8_PUBLIC_URL=https://{EDITOR}", "-e", "ENVIRONMENT_ID=octo")
    links = net.folder / "links"
    (links / "octo").mkdir(parents=True)
    (links / "users.json").write_text(json.dumps({"octo": ["ada"]}))
    mounts = ("-v", f"{links}:/links", "-v", f"{TOP / 'deploy/front-end'}:/app:ro", *TESTS)
    with (
        running(net.recipe(MVP, ("framed",), (*HARDENED, *options))) as box,
        net.proxy("nginx", EDITOR, SAME, OTHER, more=SERVERS, options=mounts) as proxy,
    ):
        box.wait_ready()
        for number in range(2 * 2 * len(FRONTS)):  # a frame and a tab in each kind of window
            text = box.execute("devcopilot", "open", "--for", "1h", "--json")
            (links / f"octo/{number}").write_text(text)
        docker("exec", "--detach", proxy.name, "python", "/app/server.py",
               "--users", "/links/users.json", "--open", NEXT)  # fmt: skip
        wait_until(lambda: curl(proxy, f"https://{SAME}/").endswith("404"), "the front end")
        yield browse(proxy, "frames", *FRONTS)
        assert curl(proxy, f"https://{SAME}/environments/hubot/ide").endswith("404"), "not hers"


@pytest.mark.parametrize("kind", ["normal", "private"])
@pytest.mark.parametrize("front", FRONTS)
def test_the_editor_works_in_a_frame(kind: str, front: str, framed: dict[str, Any]) -> None:
    frame = framed[kind][front]
    assert frame["page"] == front
    assert frame["editor"] == f"https://{EDITOR}/"
    assert any(url.startswith(f"wss://{EDITOR}/") for url in frame["sockets"])
    (cookie,) = frame["cookies"]
    assert cookie["partitionKey"], "for that website alone"


@pytest.mark.parametrize("kind", ["normal", "private"])
@pytest.mark.parametrize("front", FRONTS)
def test_the_editor_works_in_a_tab_of_its_own(
    kind: str, front: str, framed: dict[str, Any]
) -> None:
    tab = framed[kind][front]["tab"]
    assert tab["editor"] == f"https://{EDITOR}/"
    assert not tab["opener"], "it cannot lead the front end elsewhere"


def test_only_a_frame_of_the_same_website_shares_its_storage(framed: dict[str, Any]) -> None:
    """It would not hold in a browser without partitions, which no person has."""
    same, other = FRONTS
    for kind in ("normal", "private"):
        assert framed[kind][same]["left"] == framed[kind][same]["tab"]["left"] == ["here", True]
        assert framed[kind][other]["tab"]["left"][0] is None
        assert framed[kind][other]["left"] == ["here", False], "no cookies but partitioned ones"


@pytest.mark.parametrize("kind", ["nginx", "caddy", "traefik"])
def test_an_editor_that_is_left_alone_stays_connected(kind: str, net: Net, octo: Container) -> None:
    """It says something before ten seconds are over, so a proxy sees no silent connection."""
    with net.proxy(kind, limit="10s", options=TESTS) as proxy:
        found = browse(proxy, "idle", f"{PUBLIC}/", PASSWORD, "20")
    assert found["sockets"] >= 2
    assert not found["lost"], found
