"""What the check makes of GitHub's answers, and of answers that are none."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.github import api, verify
from agent.machine.secret import Secret
from agent.settings.everything import Settings
from tests.fakes.github import FakeGitHub, Fault
from tests.worlds.machine import make_facts

GOOD = "ghp_good0123456789"
SCOPES = "repo, read:org, gist"
GOOD_ANSWER = verify.Valid("octo", None, SCOPES)


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_token(GOOD)
        yield hub


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "TIMEOUT", 1)


def check(url: str, tmp_path: Path, value: str = GOOD, **environ: str) -> verify.Result:
    settings = Settings.from_environ({"DEV8_GITHUB_API_URL": url})
    facts = make_facts(tmp_path, **environ)
    return verify.check(Secret(value), settings.github, facts)


def test_a_good_token_tells_its_user_and_its_end(hub: FakeGitHub, tmp_path: Path) -> None:
    assert check(hub.url, tmp_path) == GOOD_ANSWER
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
    hub.add_token(GOOD, "cat", expires=end)
    assert check(hub.url, tmp_path) == verify.Valid("cat", end, SCOPES)


def test_the_prefix_of_enterprise_servers_works(hub: FakeGitHub, tmp_path: Path) -> None:
    assert check(f"{hub.url}/api/v3", tmp_path) == GOOD_ANSWER


def test_an_app_token_is_good_without_a_user(hub: FakeGitHub, tmp_path: Path) -> None:
    value = "ghs_1_" + "eyJhbGciOiJSUzI1NiJ9." * 24
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    hub.add_token(value, expires=end)
    assert check(hub.url, tmp_path, value) == verify.Valid(None, end)
    assert check(hub.url, tmp_path, "ghs_unknown") == verify.Rejected()


def test_unknown_revoked_and_expired_tokens_are_refused(hub: FakeGitHub, tmp_path: Path) -> None:
    assert check(hub.url, tmp_path, "ghp_unknown") == verify.Rejected()
    hub.add_token("ghp_old", expires=datetime.now(UTC) - timedelta(seconds=1))
    assert check(hub.url, tmp_path, "ghp_old") == verify.Rejected()
    hub.revoke(GOOD)
    assert check(hub.url, tmp_path) == verify.Rejected()


@pytest.mark.parametrize("status", [500, 502, 503, 404, 418, 301, 302])
def test_other_answers_teach_nothing(hub: FakeGitHub, tmp_path: Path, status: int) -> None:
    hub.fail(Fault(status=status, headers={"Location": "http://elsewhere.example.com/"}))
    result = check(hub.url, tmp_path)
    assert isinstance(result, verify.Unreachable)
    assert result.retry_after is None
    assert len(hub.requests) == 1, "the agent's own back-off decides, not the library's"


@pytest.mark.parametrize(
    "body", [b"<html>log in to the hotel</html>", b"", b"[]", b'"text"', b"{}"]
)
def test_an_answer_that_is_not_githubs_teaches_nothing(
    hub: FakeGitHub, tmp_path: Path, body: bytes
) -> None:
    hub.fail(Fault(status=200, body=body))
    assert isinstance(check(hub.url, tmp_path), verify.Unreachable)


@pytest.mark.parametrize(
    ("make_fault", "seconds"),
    [
        (lambda: Fault.rate_limit(3600), 3600),
        (lambda: Fault(status=429), 60),
        (lambda: Fault(status=403, headers={"Retry-After": "70"}), 70),
        (lambda: Fault(status=503, headers={"Retry-After": "90"}), 90),
    ],
)
def test_a_wish_for_patience_is_handed_on(
    hub: FakeGitHub, tmp_path: Path, make_fault: Callable[[], Fault], seconds: float
) -> None:
    hub.fail(make_fault())
    begin = time.monotonic()
    result = check(hub.url, tmp_path)
    assert time.monotonic() - begin < seconds, "nothing sleeps in there"
    assert isinstance(result, verify.Unreachable)
    assert result.retry_after == pytest.approx(seconds, abs=5)
    assert len(hub.requests) == 1


@pytest.mark.usefixtures("short_patience")
@pytest.mark.parametrize("fault", [Fault(hang=True), Fault(drop=True), Fault(delay=3.0)])
def test_silence_teaches_nothing(hub: FakeGitHub, tmp_path: Path, fault: Fault) -> None:
    hub.fail(fault)
    assert isinstance(check(hub.url, tmp_path), verify.Unreachable)


def test_no_network_teaches_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        result = check(f"http://127.0.0.1:{taken.getsockname()[1]}", tmp_path)
    assert isinstance(result, verify.Unreachable)
    assert "cannot be reached" in result.reason


def test_a_netrc_of_the_user_is_not_sent(
    hub: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login x password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert check(hub.url, tmp_path) == GOOD_ANSWER


def test_certificates_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_token(GOOD)
        monkeypatch.setenv("HTTPS_PROXY", hub.url)
        url = "https://api.github.com"
        trusted = check(url, tmp_path, SSL_CERT_FILE=str(hub.authority))
        assert trusted == GOOD_ANSWER
        result = check(url, tmp_path)
    assert isinstance(result, verify.Unreachable)
    assert "certificate" in result.reason


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("github.com", "https://api.github.com"),
        ("acme.ghe.com", "https://api.acme.ghe.com"),
        ("ghe.example.com", "https://ghe.example.com/api/v3"),
    ],
)
def test_each_host_has_its_api(host: str, url: str) -> None:
    assert api.find_api_url(Settings.from_environ({"GH_HOST": host}).github) == url
