"""The editor behind real proxies, as docs/proxies.md has them; doctor on those that are wrong."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.worlds.containers import HARDENED, MVP, Container, running
from tests.worlds.proxies import Net, curl, make_net

PASSWORD = "correct horse"
PUBLIC = "https://example.com/octo"
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
    with make_net(tmp_path_factory.mktemp("net"), *names) as made:
        yield made


@pytest.fixture(scope="module")
def octo(net: Net) -> Iterator[Container]:
    """A workspace whose public address is the path of the snippets; their host is trusted, too."""
    options = (
        *HARDENED, "-v", f"{net.authority}:/run/ca.pem:ro", "-e", "DEV8_CA_FILE=/run/ca.pem",
        "-e", "DEV8_PUBLIC_URL=https://example.com/octo", "-e", "ENVIRONMENT_ID=octo",
        "-e", "DEV8_CODE_SERVER_TRUSTED_ORIGINS=dev.example.com",
        "-e", f"CODE_SERVER_PASSWORD={PASSWORD}",
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


def open_socket(proxy: Container, cookie: str, url: str, origin: str) -> int:
    """Return the status of the editor's WebSocket for who is logged in."""
    headers = (f"Cookie: {cookie}", f"Origin: {origin}", "Connection: Upgrade",
               "Upgrade: websocket", "Sec-WebSocket-Version: 13",
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")  # fmt: skip
    words = [word for header in headers for word in ("-H", header)]
    target = f"{url}/?reconnectionToken=x&reconnection=false&skipWebSocketFrames=false"
    return int(curl(proxy, *words, "--max-time", "3", "-o", "/dev/null", target)[-3:])


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
