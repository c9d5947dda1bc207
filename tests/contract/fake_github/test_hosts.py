"""Several GitHubs in one fake: tokens belong to hosts, and each host has its own doors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.contract.fake_github.asking import ask
from tests.fakes.github import FakeGitHub

DOORS = {
    "github.com": ("api.github.com", ""),
    "acme.ghe.com": ("api.acme.ghe.com", ""),
    "ghe.example.com": ("ghe.example.com", "/api/v3"),
}
"""GitHub -> the name and the path where its API is."""


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        for host in DOORS:
            hub.add_token(f"ghp_{host}", login=f"user-of-{host}", host=host)
        hub.add_token("ghp_all", login="octo")
        yield hub


@pytest.mark.parametrize("host", DOORS)
def test_a_token_is_good_at_its_own_host_only(hub: FakeGitHub, host: str) -> None:
    name, prefix = DOORS[host]
    for other in DOORS:
        reply = ask(hub, "GET", f"{prefix}/user", f"ghp_{other}", host=name)
        assert reply.status == (200 if other == host else 401)
    assert ask(hub, "GET", f"{prefix}/user", "ghp_all", host=name).status == 200
    root = ask(hub, "GET", f"{prefix}/", "ghp_all", host=name).document
    assert root["current_user_url"] == f"https://{name}{prefix}/user"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("github.com", "/user"),
        ("acme.ghe.com", "/user"),
        ("ghe.example.com", "/user"),
        ("github.com", "/api/v3/user"),
        ("api.github.com", "/api/v3/user"),
        ("api.github.com", "/octo/demo.git/info/refs"),
        ("api.ghe.example.com", "/user"),
        ("gist.github.com", "/user"),
        ("github.com", "/gist/0123.git/info/refs"),
        ("acme.ghe.com", "/gist/0123.git/info/refs"),
        ("gist.ghe.example.com", "/octo/demo.git/info/refs"),
    ],
)
def test_a_wrong_door_leads_nowhere(hub: FakeGitHub, name: str, path: str) -> None:
    assert ask(hub, "GET", path, "ghp_all", host=name).status == 404


def test_a_tenant_keeps_the_path_that_old_clients_ask(hub: FakeGitHub) -> None:
    reply = ask(hub, "GET", "/api/v3/user", "ghp_acme.ghe.com", host="acme.ghe.com")
    assert reply.document["login"] == "user-of-acme.ghe.com"


def test_graphql_is_where_gh_looks_for_it(hub: FakeGitHub) -> None:
    query = {"query": "query UserCurrent{viewer{login}}"}
    for name, path in (("api.github.com", "/graphql"), ("ghe.example.com", "/api/graphql")):
        reply = ask(hub, "POST", path, "ghp_all", host=name, body=query)
        assert reply.document == {"data": {"viewer": {"login": "octo"}}}


def test_headers_tell_what_gh_and_the_agent_look_at(hub: FakeGitHub) -> None:
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    hub.add_token("github_pat_x", scopes=None, expires=end)
    hub.skew = timedelta(days=1)
    headers = ask(hub, "GET", "/user", "ghp_all").headers
    assert headers["X-OAuth-Scopes"] == "repo, read:org, gist"
    told = datetime.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    assert abs(told - datetime.now(UTC) - hub.skew) < timedelta(seconds=60)
    headers = ask(hub, "GET", "/user", "github_pat_x").headers
    assert "X-OAuth-Scopes" not in headers
    assert headers["GitHub-Authentication-Token-Expiration"] == f"{end:%Y-%m-%d %H:%M:%S} UTC"


def test_an_hours_requests_are_counted_and_then_refused(hub: FakeGitHub) -> None:
    hub.rate_limit = 2
    replies = [ask(hub, "GET", "/user", "ghp_all") for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 403]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == ["1", "0", "0"]
    assert replies[2].message == "API rate limit exceeded for user ID 1."
    assert int(replies[2].headers["X-RateLimit-Reset"]) > datetime.now(UTC).timestamp() + 3500
    assert ask(hub, "GET", "/user", "ghp_github.com").status == 200, "another's hour"
    hub.skew = timedelta(hours=1, seconds=1)
    assert ask(hub, "GET", "/user", "ghp_all").status == 200


def test_one_port_speaks_http_https_and_is_a_proxy(tmp_path: Path) -> None:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_token("ghp_all")
        session = requests.Session()
        session.verify = str(hub.authority)
        session.trust_env = False
        session.headers["Authorization"] = "token ghp_all"
        for url in (hub.url, hub.url.replace("http:", "https:")):
            assert session.get(f"{url}/user", timeout=120).json()["login"] == "octo"
        session.proxies = {"https": hub.url}
        assert session.get("https://api.acme.ghe.com/user", timeout=120).status_code == 200
        assert [request.host.split(":")[0] for request in hub.requests] == [
            "127.0.0.1", "127.0.0.1", "api.acme.ghe.com"
        ]  # fmt: skip


def test_a_unix_socket_is_asked_under_real_names(tmp_path: Path) -> None:
    import http.client
    import socket

    with FakeGitHub(unix_socket=tmp_path / "socket") as hub:
        hub.add_token("ghp_x", host="ghe.example.com")
        connection = http.client.HTTPConnection("ghe.example.com")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(tmp_path / "socket"))
        headers = {"Authorization": "token ghp_x", "User-Agent": "test"}
        connection.request("GET", "/api/v3/user", headers=headers)
        assert connection.getresponse().status == 200
        connection.close()
