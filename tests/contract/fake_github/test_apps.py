"""The fake GitHub knows an App by its signature alone, and refuses what GitHub refuses."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.fake_github.asking import APP, Reply, ask, make_key, sign
from tests.fakes.github import FakeGitHub
from tests.fakes.github.app_answers import NOT_GRANTED, NOT_REACHED
from tests.fakes.github.apps import make_id
from tests.fakes.github.assertions import EXPIRED, NOT_DECODED, NOT_ISSUED, TOO_FAR

INSTALLED = 99
TOKENS = f"/app/installations/{INSTALLED}/access_tokens"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_app(app_id=APP, public_key_pem=make_key()[1], client_id="Iv1.abc")
        hub.add_installation(
            APP, INSTALLED, "acme", repositories=["one", "two"],
            permissions={"contents": "write", "issues": "read"}, is_organization=True,
        )  # fmt: skip
        yield hub


def mint(hub: FakeGitHub, **body: object) -> Reply:
    return ask(hub, "POST", TOKENS, sign(), body=body)


# --- who it is


@pytest.mark.parametrize("iss", [APP, "Iv1.abc"])
def test_an_app_is_known_by_its_number_and_its_client_id(hub: FakeGitHub, iss: object) -> None:
    assert ask(hub, "GET", "/app", sign(iss=iss)).document["id"] == APP


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        (None, 401, NOT_DECODED),
        ("ghp_one", 401, NOT_DECODED),
        (lambda: sign(make_key(1)[0]), 401, NOT_DECODED),
        (lambda: sign("x" * 40, alg="HS256"), 401, NOT_DECODED),
        (lambda: sign(iss=1), 404, "Integration not found"),
        (lambda: sign(iss=0), 404, "Integration not found"),
        (lambda: sign(iat=5), 401, NOT_ISSUED),
        (lambda: sign(iat=-60.5), 401, NOT_ISSUED),
        (lambda: sign(exp=-1), 401, EXPIRED),
        (lambda: sign(exp=605), 401, TOO_FAR),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/app"), ("POST", TOKENS)])
def test_an_assertion_that_github_refuses(
    hub: FakeGitHub,
    method: str,
    path: str,
    token: Callable[[], str] | str | None,
    status: int,
    message: str,
) -> None:
    value = token() if callable(token) else token
    reply = ask(hub, method, path, value)
    assert (reply.status, reply.message) == (status, message)


def test_the_assertion_is_judged_by_the_servers_clock(hub: FakeGitHub) -> None:
    hub.skew = timedelta(minutes=-5)
    reply = ask(hub, "GET", "/app", sign())
    assert reply.message == NOT_ISSUED
    told = datetime.strptime(reply.headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
    behind = datetime.now(UTC) - told.replace(tzinfo=UTC)
    assert timedelta(minutes=4) < behind < timedelta(minutes=6)
    hub.skew = timedelta(minutes=10)
    assert ask(hub, "GET", "/app", sign()).message == EXPIRED


def test_an_assertion_is_no_token_and_a_token_no_assertion(hub: FakeGitHub) -> None:
    assert ask(hub, "GET", "/user", sign()).status == 401
    token = mint(hub).document["token"]
    assert ask(hub, "GET", "/app", token).message == NOT_DECODED


# --- where it is installed


@pytest.mark.parametrize(
    "path",
    [
        f"/app/installations/{INSTALLED}",
        "/orgs/acme/installation",
        "/users/Acme/installation",
        "/repos/acme/ONE/installation",
    ],
)
def test_an_installation_is_found(hub: FakeGitHub, path: str) -> None:
    document = ask(hub, "GET", path, sign()).document
    assert document["id"] == INSTALLED
    assert document["account"]["login"] == "acme"
    assert document["repository_selection"] == "selected"
    assert document["permissions"]["metadata"] == "read"


@pytest.mark.parametrize(
    "path",
    ["/app/installations/1", "/orgs/other/installation", "/repos/acme/three/installation"],
)
def test_what_is_not_installed_is_not_found(hub: FakeGitHub, path: str) -> None:
    assert ask(hub, "GET", path, sign()).status == 404


def test_a_user_is_no_organization(hub: FakeGitHub) -> None:
    hub.add_installation(APP, 5, "person")
    assert ask(hub, "GET", "/orgs/person/installation", sign()).status == 404
    assert ask(hub, "GET", "/users/person/installation", sign()).document["id"] == 5


def test_another_apps_installation_does_not_exist(hub: FakeGitHub) -> None:
    hub.add_app(app_id=2, public_key_pem=make_key(1)[1])
    token = sign(make_key(1)[0], iss=2)
    assert ask(hub, "GET", "/app/installations", token).document == []
    assert ask(hub, "POST", TOKENS, token).status == 404


# --- what it mints


def test_a_token_is_good_for_an_hour_and_only_where_it_was_made(hub: FakeGitHub) -> None:
    reply = mint(hub)
    assert reply.status == 201
    token = reply.document["token"]
    assert re.fullmatch("ghs_[A-Za-z0-9]{36}", token)
    end = datetime.fromisoformat(reply.document["expires_at"])
    assert timedelta(minutes=59) < end - datetime.now(UTC) <= timedelta(hours=1)
    assert ask(hub, "GET", "/", token).status == 200
    assert ask(hub, "GET", "/api/v3/", token, host="ghe.example.com").status == 401
    hub.skew = timedelta(hours=1, seconds=1)
    assert ask(hub, "GET", "/", token).status == 401


def test_the_long_form_has_520_characters(hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, long_tokens=True)
    for _ in range(20):
        token = mint(hub).document["token"]
        assert len(token) == 520
        assert re.fullmatch(rf"ghs_{APP}_[\w-]+\.[\w-]+\.[\w-]{{342}}", token)
    assert ask(hub, "GET", "/", token).status == 200


def test_a_token_lives_as_long_as_the_app_says(hub: FakeGitHub) -> None:
    now = datetime.now(UTC)
    hub.clock = lambda: now
    hub.add_app(app_id=APP, token_life=timedelta(seconds=4))
    token = mint(hub).document["token"]
    now += timedelta(seconds=3.9)
    assert ask(hub, "GET", "/", token).status == 200
    now += timedelta(seconds=0.1)
    assert ask(hub, "GET", "/", token).status == 401


def test_a_narrowed_token_reaches_only_what_it_was_narrowed_to(hub: FakeGitHub) -> None:
    wide, narrow = mint(hub), mint(hub, repositories=["one"], permissions={"contents": "read"})
    assert wide.document["permissions"] == {
        "contents": "write", "issues": "read", "metadata": "read"
    }  # fmt: skip
    assert narrow.document["permissions"] == {"contents": "read", "metadata": "read"}
    assert [each["name"] for each in narrow.document["repositories"]] == ["one"]
    for reply, reached in ((wide, 200), (narrow, 404)):
        assert ask(hub, "GET", "/repos/acme/two", reply.document["token"]).status == reached
        assert ask(hub, "GET", "/repos/acme/one", reply.document["token"]).status == 200
    reach = ask(hub, "GET", "/installation/repositories", narrow.document["token"]).document
    assert [each["full_name"] for each in reach["repositories"]] == ["acme/one"]
    by_number = mint(hub, repository_ids=[make_id("acme/two")]).document
    assert [each["name"] for each in by_number["repositories"]] == ["two"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"permissions": {"contents": "admin"}}, NOT_GRANTED),
        ({"permissions": {"issues": "write"}}, NOT_GRANTED),
        ({"permissions": {"actions": "read"}}, NOT_GRANTED),
        ({"repositories": ["one", "three"]}, NOT_REACHED),
        ({"repository_ids": [1]}, NOT_REACHED),
    ],
)
def test_more_than_was_granted_is_refused(
    hub: FakeGitHub, body: dict[str, object], message: str
) -> None:
    reply = mint(hub, **body)
    assert (reply.status, reply.message) == (422, message)


def test_an_installation_that_is_suspended_or_gone(hub: FakeGitHub) -> None:
    token = mint(hub).document["token"]
    hub.suspend(INSTALLED)
    assert (mint(hub).status, mint(hub).message) == (403, "This installation has been suspended")
    assert ask(hub, "GET", "/", token).status == 403
    hub.suspend(INSTALLED, suspended=False)
    assert ask(hub, "GET", "/", token).status == 200
    hub.remove_installation(INSTALLED)
    assert mint(hub).status == 404
    assert ask(hub, "GET", "/", token).status == 401


def test_a_fresh_token_may_be_refused_at_first(hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, lag=2)
    token = mint(hub).document["token"]
    assert [ask(hub, "GET", "/", token).status for _ in range(4)] == [401, 401, 200, 200]


def test_an_installation_token_is_no_user_and_ends_itself(hub: FakeGitHub) -> None:
    token = mint(hub).document["token"]
    reply = ask(hub, "GET", "/user", token)
    assert (reply.status, reply.message) == (403, "Resource not accessible by integration")
    assert "X-OAuth-Scopes" not in reply.headers
    assert ask(hub, "DELETE", "/installation/token", token).status == 204
    assert ask(hub, "GET", "/", token).status == 401
