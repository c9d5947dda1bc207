"""The token sources that make tokens, against the tests' GitHub, under a driven clock."""

import contextlib
import errno
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import ascii_lowercase
from typing import Any, ClassVar

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agent.github import api, published, token_fetch
from agent.github.record import read_record
from agent.github.renewal import make_renewals
from agent.github.token import MOST_GRANTS, read_grants
from agent.github.token_fetch import Demand
from agent.machine.light import runtime
from agent.machine.light.clock import Clock, format_time
from tests.contract.apps import APP, INSTALLATION, make_pem
from tests.contract.workspace import HubWorkspace
from tests.fakes.github import FakeGitHub, Fault
from tests.fakes.github.faults import Pattern
from tests.worlds.clocks import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
def app(tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey) -> HubWorkspace:
    return make_app(tmp_path, hub, key)


def make_app(
    root: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey | str, **variables: str
) -> HubWorkspace:
    pem = root / "app.pem"
    pem.write_text(key if isinstance(key, str) else make_pem(key))
    given = {"GITHUB_APP_ID": str(APP), "GITHUB_APP_PRIVATE_KEY_FILE": str(pem),
             "GITHUB_TOKEN_FILE": "", **variables}  # fmt: skip
    return HubWorkspace(root, hub, **given)


def list_mints(hub: FakeGitHub) -> int:
    return len([each for each in hub.requests if each.path.endswith("/access_tokens")])


# --- a GitHub App


def test_an_app_signs_in_by_itself(app: HubWorkspace, hub: FakeGitHub) -> None:
    after = app.refresh().after
    assert after.problems == {}
    assert (after.kind, after.source, after.login) == ("installation", f"App {APP}", None)
    assert after.expires == format_time(app.clock.now() + HOUR)
    assert "metadata:read" in after.grants
    assert app.token
    assert app.tokens() == (app.token, app.token)
    assert list_mints(hub) == 1


def test_a_token_of_an_app_is_made_anew_half_an_hour_before_its_end(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    app.refresh()
    first = app.token
    app.clock.go(minutes=20)
    app.refresh()
    assert app.token == first
    assert app.wish is None, "the next round comes before it is due"
    app.clock.go(minutes=5)
    app.refresh()
    assert 1 <= (app.wish or 300) <= 300
    app.clock.go(minutes=8)
    app.refresh()
    assert app.token != first
    assert hub.find(first), "the one before it lives on"
    assert list_mints(hub) == 2


@pytest.mark.parametrize("form", ["one line", "crlf"])
def test_a_key_in_a_variable_works_as_env_files_hold_it(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey, form: str
) -> None:
    text = make_pem(key)
    text = text.replace("\n", "\\n") if form == "one line" else text.replace("\n", "\r\n")
    assert make_app(tmp_path, hub, text).refresh().after.problems == {}


def test_the_installation_is_found_by_its_owner(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey
) -> None:
    hub.add_installation(APP, 78, "acme", is_organization=True)
    desk = make_app(tmp_path, hub, key, GITHUB_APP_OWNER="acme")
    assert desk.refresh().after.problems == {}
    assert any(each.path.startswith("/app/installations/78/") for each in hub.requests)


def test_of_several_installations_one_must_be_named(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey
) -> None:
    hub.add_installation(APP, 78, "acme")
    problem = make_app(tmp_path, hub, key).refresh().after.problem
    assert "has 2 installations" in problem
    assert "GITHUB_APP_INSTALLATION_ID or GITHUB_APP_OWNER" in problem


def test_repositories_and_permissions_are_narrowed(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey
) -> None:
    desk = make_app(tmp_path, hub, key, GITHUB_APP_REPOSITORIES="demo",
                    GITHUB_APP_PERMISSIONS="contents:read")  # fmt: skip
    after = desk.refresh().after
    assert after.problems == {}
    assert "contents:read" in after.grants
    known = hub.find(desk.token)
    assert known
    assert known.repositories == frozenset({"octo/demo"})
    assert "issues" not in (known.permissions or {})


def break_id(hub: FakeGitHub) -> None:
    hub.add_app(app_id=APP, public_key_pem="", client_id="Iv1.other")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"GITHUB_APP_ID": "9"}, "rejects the key for App 9"),
        ({"GITHUB_APP_INSTALLATION_ID": "5"}, "installation 5 of App 1234 is gone"),
        ({"GITHUB_APP_OWNER": "nobody"}, "is not installed for nobody"),
        ({"GITHUB_APP_REPOSITORIES": "secret"}, "fix GITHUB_APP_REPOSITORIES"),
        ({"GITHUB_APP_PERMISSIONS": "administration:write"}, "GITHUB_APP_PERMISSIONS"),
    ],
)
def test_what_is_wrong_with_an_app_is_one_line(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey, variables: dict[str, str], words: str
) -> None:
    desk = make_app(tmp_path, hub, key, **variables)
    problem = desk.refresh().after.problem
    assert words in problem
    assert "\n" not in problem
    assert desk.token is None


@pytest.mark.parametrize("line_break", ["\r\n", "\\n", "\\r\\n"], ids=repr)
def test_a_key_that_an_env_file_has_bent_is_mended(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey, line_break: str
) -> None:
    text = line_break.join(make_pem(key).splitlines())
    desk = make_app(tmp_path, hub, f"'{text}'")
    assert desk.refresh().after.problem == ""
    assert desk.token


@pytest.mark.parametrize("text", ["garbage", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA"])
def test_a_key_that_is_none_is_said_without_asking(
    tmp_path: Path, hub: FakeGitHub, text: str
) -> None:
    problem = make_app(tmp_path, hub, text).refresh().after.problem
    assert "GITHUB_APP_PRIVATE_KEY is not an RSA key in PEM" in problem
    assert text.rsplit("\n", maxsplit=1)[-1] not in problem
    assert hub.requests == []


def test_a_key_of_another_kind_is_said(tmp_path: Path, hub: FakeGitHub) -> None:
    pem = make_pem(ec.generate_private_key(ec.SECP256R1()))
    assert "is not an RSA key" in make_app(tmp_path, hub, pem).refresh().after.problem


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_off_by_an_hour_is_said_and_corrected(
    app: HubWorkspace, hub: FakeGitHub, hours: int
) -> None:
    hub.skew = timedelta(hours=hours)
    after = app.refresh().after
    direction = "behind" if hours > 0 else "ahead of"
    assert after.problems.keys() == {"clock"}
    assert f"this machine's clock is 60 minutes {direction} that of github.com" in after.problem
    token = published.read_token(app.facts, app.host)
    assert token
    assert token.left(app.clock) == pytest.approx(3600, abs=2)
    app.clock.set(hours=hours)  # somebody mends it
    hub.skew = timedelta()
    token = published.read_token(app.facts, app.host)
    assert token
    assert token.left(app.clock) == pytest.approx(3600, abs=2), "nothing becomes wrong by that"
    assert app.refresh().after.problems == {}


def test_an_outage_keeps_the_token_and_the_next_try_is_later(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    app.refresh()
    first = app.token
    app.clock.go(minutes=40)
    hub.fail(Fault(status=503))
    most = token_fetch.FIRST_DELAY
    for _ in range(4):
        after = app.refresh().after
        assert "answered with status 503" in after.problem
        assert app.token == first
        most *= 2
        assert 1 <= (app.wish or 0) <= most
    hub.heal()
    assert app.refresh().after.problems == {}
    assert app.token != first


def test_no_token_is_made_before_github_wants_to_be_asked(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    hub.fail(Fault.rate_limit(3600, hub.now()))
    app.refresh()
    hub.heal()
    before = len(hub.requests)
    app.clock.go(minutes=30)
    app.refresh()
    renewal = make_renewals(app.context)[app.host]
    renewal.answer(Demand())
    assert renewal.read() is None
    assert len(hub.requests) == before
    app.clock.go(minutes=31)
    assert app.refresh().after.problems == {}


def test_each_request_as_the_app_is_signed_once(
    app: HubWorkspace, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent must be known: a host may repeat it in an error."""
    made: list[str] = []
    encode = jwt.encode

    def count(*words: Any, **options: Any) -> str:
        made.append(encode(*words, **options))
        return made[-1]

    monkeypatch.setattr(jwt, "encode", count)
    assert app.refresh().after.problems == {}
    assert len(made) == len([each for each in hub.requests if each.path.startswith("/app")])


def test_a_revoked_token_is_replaced_at_once(app: HubWorkspace, hub: FakeGitHub) -> None:
    app.refresh()
    first = app.token
    assert first
    hub.revoke(first)
    after = app.refresh().after
    assert after.problems == {}
    assert after.checked, "in the same round"
    assert app.token != first
    assert app.gh_token == app.token


def test_a_fresh_token_that_not_all_servers_know_is_given_time(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    hub.add_app(app_id=APP, lag=1)
    after = app.refresh().after
    assert "GitHub refuses the token" in after.problem
    assert list_mints(hub) == 1, "not replaced: it was made just now"
    assert 1 <= (app.wish or 0) <= 2 * token_fetch.FIRST_DELAY
    assert app.refresh().after.problems == {}
    assert list_mints(hub) == 1


def ask_ten(desk: HubWorkspace, refused: str) -> list[str]:
    """Let ten wait for a token at once; return what they got."""
    got: list[str] = []

    def ask() -> None:
        renewal = make_renewals(desk.context)[desk.host]
        renewal.answer(Demand(refused))
        token = renewal.read()
        got.append(token.value.reveal() if token else "")

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    return got


def test_ten_who_wait_get_one_new_token(app: HubWorkspace, hub: FakeGitHub) -> None:
    app.refresh()
    first = published.read_token(app.facts, app.host)
    assert first
    hub.revoke(first.value.reveal())
    hub.fail(Fault(path="/app", delay=0.3, times=1))
    got = ask_ten(app, first.fingerprint)
    assert len(got) == 10
    assert len(set(got)) == 1
    assert hub.find(got[0])
    assert list_mints(hub) == 2


def test_ten_who_wait_for_a_source_in_trouble_ask_it_once(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    app.facts = replace(app.facts, clock=Clock())
    app.context = replace(app.context, facts=app.facts)
    hub.clock = Clock().now
    hub.fail(Fault(path="/app", status=503, delay=0.3))
    assert ask_ten(app, "") == [""] * 10
    assert len([each for each in hub.requests if each.path.startswith("/app")]) == 1


def test_a_limit_of_the_check_does_not_keep_a_token_from_being_made(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    app.refresh()
    first = app.token
    hub.fail(replace(Fault.rate_limit(3600, hub.now()), path="/user"))
    app.clock.go(minutes=5)
    assert "check" in app.refresh().after.problems
    app.clock.go(minutes=30)
    assert "token" not in app.refresh().after.problems
    assert app.token != first
    assert list_mints(hub) == 2


def test_a_host_that_refuses_every_token_is_asked_ever_more_seldom(
    app: HubWorkspace, hub: FakeGitHub
) -> None:
    app.refresh()
    hub.fail(Fault(path="/user", status=401))
    minutes = []
    for minute in range(60):
        before = list_mints(hub)
        app.refresh()
        minutes += [minute] * (list_mints(hub) - before)
        app.clock.go(minutes=1)
    assert minutes[:6] == [0, 1, 3, 7, 15, 31], "each wait is twice the one before"
    assert len(minutes) == 7, "the longest wait is half an hour"


def test_offline_makes_no_token(app: HubWorkspace, hub: FakeGitHub) -> None:
    app.refresh(offline=True)
    assert hub.requests == []
    assert app.token is None


def test_where_no_token_can_be_kept_none_is_made(
    app: HubWorkspace, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str, content: bytes, mode: int, **_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(runtime, "write_atomic", refuse)
    with pytest.raises(OSError, match="No space left"):
        app.refresh()
    assert list_mints(hub) == 0


def test_another_identity_takes_over_at_once_and_never_falls_back(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey
) -> None:
    desk = HubWorkspace(tmp_path, hub)
    hub.add_token("ghp_of_the_person", "octo")
    desk.put("ghp_of_the_person")
    desk.refresh()
    app = make_app(tmp_path, hub, key)
    assert app.refresh().after.kind == "installation"
    hub.remove_installation(INSTALLATION)
    other = make_app(tmp_path, hub, key, GITHUB_APP_INSTALLATION_ID="999")
    assert "token" in other.refresh().after.problems
    assert other.tokens() == (None, None), "what another identity gave is withdrawn"


def test_who_waits_gets_a_token_with_some_life_left(app: HubWorkspace, hub: FakeGitHub) -> None:
    app.refresh()
    first = app.token
    renewal = make_renewals(app.context)[app.host]
    app.clock.go(minutes=57)
    renewal.answer(Demand())
    assert app.token == first
    app.clock.go(minutes=1, seconds=30)
    renewal.answer(Demand())
    assert app.token != first


# --- a user's login to an App


@pytest.fixture
def pair(hub: FakeGitHub) -> tuple[str, str]:
    return hub.add_user_pair("cat", client_id="Iv1.test")


def make_user(root: Path, hub: FakeGitHub, refresh_token: str, **variables: str) -> HubWorkspace:
    given = {"GITHUB_TOKEN_FILE": "", "GITHUB_APP_CLIENT_ID": "Iv1.test",
             "GITHUB_APP_CLIENT_SECRET": "client-secret-0123",
             "GITHUB_REFRESH_TOKEN": refresh_token, **variables}  # fmt: skip
    return HubWorkspace(root, hub, **given)


def kept_path(desk: HubWorkspace) -> Path:
    return desk.facts.state / "github-refresh" / desk.host


def test_a_refresh_token_gives_a_users_token_and_is_followed_on_disk(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_fetch, "is_git_running", lambda _: False)  # that of other tests
    desk = make_user(tmp_path, hub, pair[1])
    after = desk.refresh().after
    assert after.problems == {}
    assert (after.kind, after.login) == ("user", "cat")
    assert after.expires == format_time(desk.clock.now() + 8 * HOUR)
    assert kept_path(desk).stat().st_mode & 0o777 == 0o600
    assert pair[1] not in kept_path(desk).read_text()
    first = desk.token
    desk.clock.go(hours=7, minutes=45)
    assert desk.refresh().after.problems == {}
    assert desk.token != first


def test_the_following_refresh_token_outlives_the_container(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    make_user(tmp_path, hub, pair[1]).refresh()
    for path in (tmp_path / "runtime/tokens").iterdir():
        path.unlink()
    desk = make_user(tmp_path, hub, pair[1])
    assert desk.refresh().after.problems == {}
    assert desk.token


def test_a_used_refresh_token_is_never_sent_again(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    hub.revoke_pair(pair[1])
    desk = make_user(tmp_path, hub, pair[1])
    for _ in range(3):
        problem = desk.refresh().after.problem
        assert "a new login is needed" in problem
        assert "GITHUB_REFRESH_TOKEN" in problem
        desk.clock.go(minutes=10)
    sent = [each for each in hub.requests if each.path == "/login/oauth/access_token"]
    assert len(sent) == 1
    fresh = hub.add_user_pair("cat", client_id="Iv1.test")[1]
    desk = make_user(tmp_path, hub, fresh)
    desk.clock.go(hours=1)
    assert desk.refresh().after.problems == {}


def test_no_answer_is_no_reason_to_give_the_refresh_token_up(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    desk = make_user(tmp_path, hub, pair[1])
    hub.fail(Fault(status=502))
    assert "answered with status 502" in desk.refresh().after.problem
    hub.heal()
    assert desk.refresh().after.problems == {}


def test_a_host_that_repeats_the_refresh_token_is_quoted_without_it(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    desk = make_user(tmp_path, hub, pair[1])
    hub.fail(Fault(status=200, body=f'{{"error": "no_such_client for {pair[1]}"}}'.encode()))
    problem = desk.refresh().after.problem
    assert "GitHub says no_such_client for ***" in problem
    assert pair[1] not in problem


def test_without_a_place_to_keep_it_the_refresh_token_is_not_used(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    desk = make_user(tmp_path, hub, pair[1], DEV8_STATE_DIR=str(blocked / "state"))
    assert "cannot keep the refresh token" in desk.refresh().after.problem
    assert hub.peek_pair(pair[1], "github.com"), "it can still be used"


def test_ten_who_wait_use_the_refresh_token_once(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    desk = make_user(tmp_path, hub, pair[1])
    hub.fail(Fault(path="/login", delay=0.3, times=1))
    assert set(ask_ten(desk, "")) == {desk.token}
    assert hub.find(desk.token)
    sent = [each for each in hub.requests if each.path == "/login/oauth/access_token"]
    assert len(sent) == 1


def test_a_wrong_client_secret_is_said(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str]
) -> None:
    desk = make_user(tmp_path, hub, pair[1], GITHUB_APP_CLIENT_SECRET="wrong")
    problem = desk.refresh().after.problem
    assert "incorrect_client_credentials" in problem
    assert "fix GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET" in problem


def test_a_users_token_is_not_renewed_under_a_running_git_until_it_must_be(
    tmp_path: Path, hub: FakeGitHub, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token before it dies at once."""
    desk = make_user(tmp_path, hub, pair[1])
    desk.refresh()
    first = desk.token
    monkeypatch.setattr(token_fetch, "is_git_running", lambda _: True)
    desk.clock.go(hours=7, minutes=45)
    desk.refresh()
    assert desk.token == first
    desk.clock.go(minutes=6)
    desk.refresh()
    assert desk.token != first


# --- a command, and a URL


def test_a_command_gives_a_token_and_its_end(tmp_path: Path, hub: FakeGitHub) -> None:
    hub.add_token("ghs_from_a_command")
    answer = json.dumps({"token": "ghs_from_a_command", "expires_at": "2026-12-01T13:00:00Z"})
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="",
                     DEV8_GITHUB_TOKEN_COMMAND=f"printf %s '{answer}'")  # fmt: skip
    after = desk.refresh().after
    assert after.problems == {}
    assert (after.expires, after.life) == ("2026-12-01T13:00:00Z", 3600)
    assert desk.token == "ghs_from_a_command"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'echo it is broken >&2; exit 3'", "sh ended with 3: it is broken"),
        ("no-such-program-here", "no-such-program-here ended with 127"),
        ("echo two words", "not one word"),
        ("echo '{\"tok\": 1}'", "not a JSON object with `token`"),
        (
            'echo \'{"token": "ghp_x", "expires_at": "soon"}\'',
            "`expires_at` is not an RFC 3339 time",
        ),
    ],
)
def test_a_command_in_trouble_is_one_line(
    tmp_path: Path, hub: FakeGitHub, command: str, words: str
) -> None:
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_COMMAND=command)
    problem = desk.refresh().after.problem
    assert words in problem
    assert "\n" not in problem


def test_no_secret_of_the_users_is_in_the_trouble(tmp_path: Path, hub: FakeGitHub) -> None:
    """The command has them in its environment, and may say what it likes."""
    desk = HubWorkspace(
        tmp_path, hub, GITHUB_TOKEN_FILE="", VAULT_TOKEN="hvs.of-the-vault-0123",
        DEV8_GITHUB_TOKEN_COMMAND="sh -c 'echo $VAULT_TOKEN is refused >&2; exit 3'",
    )  # fmt: skip
    assert "sh ended with 3: *** is refused" in desk.refresh().after.problem


class ControlPlane(BaseHTTPRequestHandler):
    """What hands out tokens elsewhere."""

    reply: ClassVar[tuple[int, bytes]] = (200, b"")
    bearers: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.bearers.append(self.headers.get("Authorization"))
        self.send_response(self.reply[0])
        self.end_headers()
        self.wfile.write(self.reply[1])

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Tell the time of the driven clock: on its day, the machine's would count."""
        return super().date_time_string(timestamp or int(NOON.timestamp()))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


def serve(
    handler: type[BaseHTTPRequestHandler], over: threading.Event | None = None
) -> Iterator[str]:
    """Yield the URL of a server; `over` is set before it ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        if over:
            over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def plane() -> Iterator[str]:
    ControlPlane.bearers.clear()
    for url in serve(ControlPlane):
        yield f"{url}/token"


def test_a_url_gives_a_token_for_a_bearer(tmp_path: Path, hub: FakeGitHub, plane: str) -> None:
    hub.add_token("ghs_from_a_url")
    ControlPlane.reply = (200, b'{"token": "ghs_from_a_url"}')
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_URL=plane,
                     DEV8_GITHUB_TOKEN_URL_BEARER="bearer-0123456789")  # fmt: skip
    after = desk.refresh().after
    assert "token" not in after.problems
    assert desk.token == "ghs_from_a_url"
    assert ControlPlane.bearers == ["Bearer bearer-0123456789"]
    assert "bearer-0123456789" not in str(after)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((200, b"<html>sign in to the hotel</html>"), "it is not one word"),
        ((403, b"{}"), "answered with status 403"),
        ((302, b"{}"), "answered with status 302"),
        ((500, b"{}"), "answered with status 500"),
        ((200, b"{}"), "not a JSON object with `token`"),
    ],
)
def test_a_url_in_trouble_is_one_line(
    tmp_path: Path, hub: FakeGitHub, plane: str, reply: tuple[int, bytes], words: str
) -> None:
    ControlPlane.reply = reply
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_URL=plane)
    problem = desk.refresh().after.problems["token"]
    assert words in problem
    assert "DEV8_GITHUB_TOKEN_URL" in problem or "answered" in problem


def test_a_token_that_has_expired_is_refused_and_its_source_asked_ever_more_seldom(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    answer = json.dumps({"token": "ghs_of_yesterday", "expires_at": "2026-11-30T12:00:00Z"})
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="",
                        DEV8_GITHUB_TOKEN_COMMAND=f"printf %s '{answer}'")  # fmt: skip
    for failures in range(1, 4):
        record = desk.refresh().after
        assert "it has expired already (check what issued it, and this" in record.problem
        assert record.failures == failures
    assert desk.token is None


def test_a_token_that_lives_for_seconds_is_not_renewed_each_second(
    tmp_path: Path, hub: FakeGitHub
) -> None:
    answer = json.dumps({"token": "ghs_of_a_moment", "expires_at": "2026-12-01T12:00:02Z"})
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="",
                        DEV8_GITHUB_TOKEN_COMMAND=f"printf %s '{answer}'")  # fmt: skip
    hub.add_token("ghs_of_a_moment")
    assert desk.refresh().after.problems == {}
    assert desk.wish == token_fetch.LEAST_PAUSE


def test_this_machine_is_not_asked_through_a_proxy(
    tmp_path: Path, hub: FakeGitHub, plane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    hub.add_token("ghp_alone", "cat")
    ControlPlane.reply = (200, b"ghp_alone\n")
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_URL=plane)
    after = desk.refresh().after
    assert (after.problems, after.login) == ({}, "cat")


def test_the_users_netrc_is_not_sent(
    tmp_path: Path, hub: FakeGitHub, plane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret-0123\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ControlPlane.reply = (200, b"ghs_alone\n")
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_URL=plane)
    desk.refresh()
    assert desk.token == "ghs_alone", "the token alone will do"
    assert ControlPlane.bearers == [None]


class Flood(BaseHTTPRequestHandler):
    """A host whose answer never ends; `sent` is what was taken of it."""

    sent: ClassVar[int] = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        type(self).sent = 0
        with contextlib.suppress(OSError):
            while self.sent < 700 * 2**20:
                self.wfile.write(b" " * 65536)
                type(self).sent += 65536

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@pytest.fixture
def flood() -> Iterator[str]:
    yield from serve(Flood)


ASKING = ("token URL", "check", "app", "user")
"""The requests of the agent's own."""


AskAt = Callable[[str, str], HubWorkspace]


@pytest.fixture
def ask_at(tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey) -> AskAt:
    """Return what makes a workspace that sends a request of this kind to a server."""

    def make(url: str, kind: str) -> HubWorkspace:
        api_url = {"DEV8_GITHUB_API_URL": url}
        if kind == "app":
            return make_app(tmp_path, hub, key, **api_url)
        if kind == "user":
            return make_user(tmp_path, hub, "ghr_seed", **api_url)
        given = {"GITHUB_TOKEN_FILE": ""}
        if kind == "check":
            return HubWorkspace(tmp_path, hub, GITHUB_TOKEN="ghp_good", **given, **api_url)
        return HubWorkspace(tmp_path, hub, DEV8_GITHUB_TOKEN_URL=url, **given)

    return make


@pytest.mark.parametrize("kind", ASKING)
def test_an_answer_that_never_ends_is_cut_off(ask_at: AskAt, flood: str, kind: str) -> None:
    desk = ask_at(flood, kind)
    assert "answered with more than 1024 KiB" in desk.refresh().after.problem
    assert Flood.sent < 100 * 2**20, "what is on its way in between"


class Trickle(BaseHTTPRequestHandler):
    """A host of which a byte comes now and then, so that no wait for one is long."""

    begin: ClassVar[bytes] = b""
    piece: ClassVar[bytes] = b""
    over: ClassVar[threading.Event]

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(self.begin)
            while not self.over.wait(0.05):
                self.wfile.write(self.piece)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@pytest.fixture
def trickle() -> Iterator[str]:
    Trickle.over = threading.Event()
    yield from serve(Trickle, Trickle.over)


@pytest.mark.parametrize(
    "parts",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "header", "interim"],
)
@pytest.mark.parametrize("kind", ASKING)
def test_an_answer_that_trickles_holds_nobody_for_ever(
    ask_at: AskAt,
    trickle: str,
    kind: str,
    parts: tuple[bytes, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api, "LONGEST_ANSWER", 0.5)
    Trickle.begin, Trickle.piece = parts
    desk = ask_at(trickle, kind)
    assert "did not answer in time" in desk.refresh().after.problem


@pytest.mark.parametrize("kind", ["check", "app"])
def test_an_answer_that_is_promised_for_later_holds_nobody_for_ever(
    hub: FakeGitHub, ask_at: AskAt, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyGithub asks again and again after a 202."""
    monkeypatch.setattr(api, "LONGEST_ANSWER", 0.5)
    hub.fail(Fault(status=202, body=b"{}"))
    desk = ask_at(hub.url, kind)
    assert "did not answer in time" in desk.refresh().after.problem


def test_a_command_that_never_ends_to_speak_is_ended(tmp_path: Path, hub: FakeGitHub) -> None:
    desk = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", DEV8_GITHUB_TOKEN_COMMAND="yes")
    assert "printed more than 1024 KiB" in desk.refresh().after.problem


# --- what every source has in common: one maker of tokens

FORGED = "ghs_good\n99999999\nmallory\n0000\n/elsewhere"

Give = Callable[[str, str], HubWorkspace]


@pytest.fixture
def give(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey, plane: str, pair: tuple[str, str]
) -> Give:
    """Return what makes a workspace whose source, of this kind, gives this text as its token."""

    def make(kind: str, value: str) -> HubWorkspace:
        answer = {"token": value, "expires_at": "2026-12-01T13:00:00Z", "expires_in": 28800,
                  "access_token": value, "refresh_token": "ghr_next"}  # fmt: skip
        body = json.dumps(answer).encode()
        mint = Pattern(method="POST", path="/app/installations")
        hub.fail(Fault(where=mint, status=201, body=body))
        hub.fail(Fault(path="/login/oauth", status=200, body=body))
        ControlPlane.reply = (200, body)
        (tmp_path / "answer").write_bytes(body)
        (tmp_path / "token").write_text(value, newline="")
        if kind == "app":
            return make_app(tmp_path, hub, key)
        if kind == "user":
            return make_user(tmp_path, hub, pair[1])
        variables = {
            "command": {"DEV8_GITHUB_TOKEN_COMMAND": f"cat {tmp_path}/answer"},
            "url": {"DEV8_GITHUB_TOKEN_URL": plane},
            "file": {"GITHUB_TOKEN_FILE": str(tmp_path / "token")},
            "variable": {"GITHUB_TOKEN": value},
        }[kind]
        return HubWorkspace(tmp_path, hub, **{"GITHUB_TOKEN_FILE": "", **variables})

    return make


@pytest.mark.parametrize("separator", ["\n", "\r", "\u2028", "\x85", "\v", "\0"])
@pytest.mark.parametrize("kind", ["app", "user", "command", "url", "file", "variable"])
def test_no_source_writes_further_lines_of_the_published_file(
    give: Give, kind: str, separator: str
) -> None:
    desk = give(kind, FORGED.replace("\n", separator))
    problem = desk.refresh().after.problem
    assert "not one word of plain characters" in problem
    assert problem.isprintable()
    assert published.read_token(desk.facts, desk.host) is None
    content = published.token_path(desk.facts, desk.host).read_bytes()
    assert b"99999999" not in content
    assert b"mallory" not in content


def test_a_login_is_a_name(give: Give, hub: FakeGitHub) -> None:
    body = json.dumps({"login": "octo\nmallory"}).encode()
    hub.fail(Fault(path="/user", status=200, body=body))
    desk = give("url", "ghp_good")
    assert "does not respond like GitHub" in desk.refresh().after.problem
    assert b"mallory" not in published.token_path(desk.facts, desk.host).read_bytes()


@pytest.mark.parametrize("said", ["\x1b[2J", "ghp_Good0", "admin" * 1000], ids=len)
def test_what_a_token_may_do_is_a_list_of_names(hub: FakeGitHub, give: Give, said: str) -> None:
    body = json.dumps({"token": "ghs_good", "expires_at": "2026-12-01T13:00:00Z",
                       "permissions": {said: "read"}}).encode()  # fmt: skip
    desk = give("app", "ghs_good")
    mint = Pattern(method="POST", path="/app/installations")
    hub.heal()
    hub.fail(Fault(where=mint, status=201, body=body))
    assert desk.refresh().after.grants == ""
    assert desk.token == "ghs_good"
    assert read_grants(f"repo, {said}, read:org") == "repo, read:org"


def test_lists_as_github_has_them_are_kept() -> None:
    every = ", ".join(
        f"organization_personal_access_tokens_{each}:write" for each in ascii_lowercase
    )
    for said in ("repo, read:org, admin:gpg_key", "contents=read; issues=write", every, ""):
        assert read_grants(said) == said


def test_no_list_is_without_end() -> None:
    assert len(read_grants("x," * 2**19).split(", ")) == MOST_GRANTS


# --- several hosts


def write_host(desk_root: Path, host: str, text: str) -> None:
    folder = desk_root / "home/.config/devcopilot/hosts.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{host}.toml").write_text(text)


def test_each_host_has_its_own_source_and_identity(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey
) -> None:
    hub.add_token("ghp_of_the_server", "dog", host="ghe.example.com")
    (tmp_path / "server-token").write_text("ghp_of_the_server\n")
    lines = (f'token_file = "{tmp_path / "server-token"}"', f'api_url = "{hub.url}/api/v3"')
    write_host(tmp_path, "ghe.example.com", "\n".join(lines))
    hub.add_token("ghp_of_the_server", "dog")
    desk = make_app(tmp_path, hub, key)
    outcomes = {each.after.host: each.after for each in desk.refresh_all()}
    assert outcomes["github.com"].kind == "installation"
    assert outcomes["ghe.example.com"].login == "dog"
    assert all(each.problems == {} for each in outcomes.values())


def test_a_host_whose_file_is_gone_is_withdrawn(tmp_path: Path, hub: FakeGitHub) -> None:
    (tmp_path / "server-token").write_text("ghp_of_the_server\n")
    write_host(tmp_path, "ghe.example.com", f'token_file = "{tmp_path / "server-token"}"\n')
    desk = HubWorkspace(tmp_path, hub)
    desk.refresh_all(offline=True)
    facts = desk.facts
    assert published.read_token(facts, "ghe.example.com")
    (tmp_path / "home/.config/devcopilot/hosts.d/ghe.example.com.toml").unlink()
    desk.refresh_all(offline=True)
    assert published.read_token(facts, "ghe.example.com") is None
    assert read_record(replace(facts), "ghe.example.com").fingerprint == ""


def test_a_typo_in_a_hosts_file_withdraws_nothing(tmp_path: Path, hub: FakeGitHub) -> None:
    (tmp_path / "server-token").write_text("ghp_of_the_server\n")
    line = f'token_file = "{tmp_path / "server-token"}"\n'
    write_host(tmp_path, "ghe.example.com", line)
    desk = HubWorkspace(tmp_path, hub)
    desk.refresh_all(offline=True)
    write_host(tmp_path, "ghe.example.com", f"{line}nonsense")
    after = {each.after.host: each.after for each in desk.refresh_all(offline=True)}
    assert "it is not TOML" in after["ghe.example.com"].problem
    assert published.read_token(desk.facts, "ghe.example.com")
    write_host(tmp_path, "ghe.example.com", line)
    after = {each.after.host: each.after for each in desk.refresh_all(offline=True)}
    assert after["ghe.example.com"].problems == {}
