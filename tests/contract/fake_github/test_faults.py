"""What goes wrong when a test says so, and only then."""

import http.client
import time
from collections.abc import Iterator

import pytest

from tests.contract.fake_github.asking import ask
from tests.fakes.github import FakeGitHub, Fault, Pattern


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_token("ghp_one")
        hub.add_token("ghp_two", login="cat")
        yield hub


def test_limits_are_refused_as_github_refuses_them(hub: FakeGitHub) -> None:
    for fault in (Fault.secondary_limit(7), Fault.secondary_limit(None, status=429)):
        hub.fail(fault)
        reply = ask(hub, "GET", "/user", "ghp_one")
        assert reply.status == fault.status
        assert reply.headers.get("Retry-After") == fault.headers.get("Retry-After")
        assert "secondary rate limit" in reply.message
        hub.heal()
    assert ask(hub, "GET", "/user", "ghp_one").status == 200


def test_pages_for_people_and_answers_cut_short(hub: FakeGitHub) -> None:
    hub.fail(Fault.html())
    reply = ask(hub, "GET", "/user", "ghp_one")
    assert (reply.status, reply.content[:9]) == (200, b"<!DOCTYPE")
    hub.heal()
    hub.fail(Fault(cut=True, times=1))
    with pytest.raises(http.client.IncompleteRead):
        ask(hub, "GET", "/user", "ghp_one")
    hub.fail(Fault(drop=True, times=1))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(hub, "GET", "/user", "ghp_one")
    hub.fail(Fault(delay=0.3, times=1))
    start = time.monotonic()
    assert ask(hub, "GET", "/user", "ghp_one").status == 200
    assert time.monotonic() - start >= 0.3


def test_a_fault_meets_only_whom_it_is_meant_for(hub: FakeGitHub) -> None:
    hub.fail(Fault(status=502, where=Pattern(method="GET", ends="/user", token="ghp_one")))
    assert ask(hub, "GET", "/user", "ghp_two").status == 200
    assert ask(hub, "GET", "/", "ghp_one").status == 200
    assert ask(hub, "GET", "/api/v3/user", "ghp_one", host="ghe.example.com").status == 502


def test_a_token_dies_after_the_request_that_is_meant(hub: FakeGitHub) -> None:
    hub.revoke_after(Pattern(ends="/user", token="ghp_one"))
    assert ask(hub, "GET", "/", "ghp_one").status == 200
    assert ask(hub, "GET", "/user", "ghp_two").status == 200
    assert ask(hub, "GET", "/user", "ghp_one").status == 200
    assert ask(hub, "GET", "/user", "ghp_one").status == 401
    hub.add_token("ghp_one")
    assert [ask(hub, "GET", "/user", "ghp_one").status for _ in range(2)] == [200, 200], "once"


def test_the_log_tells_who_asked_what_and_what_came_of_it(hub: FakeGitHub) -> None:
    hub.fail(Fault(drop=True, times=1))
    with pytest.raises(http.client.RemoteDisconnected):
        ask(hub, "GET", "/user", "ghp_one")
    ask(hub, "GET", "/api/v3/user?x=1", "ghp_other", host="ghe.example.com", User_Agent="gh 2")
    dropped, refused = hub.requests
    assert (dropped.status, refused.status) == (0, 401)
    assert (refused.method, refused.host, refused.path) == ("GET", "ghe.example.com", "/user")
    assert (refused.query, refused.token, refused.agent) == ("x=1", "ghp_other", "gh 2")
    assert abs(refused.time - time.time()) < 60


def test_who_does_not_say_who_it_is_is_refused(hub: FakeGitHub) -> None:
    assert ask(hub, "GET", "/user", "ghp_one", User_Agent="").status == 403
