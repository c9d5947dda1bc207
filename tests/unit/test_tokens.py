"""The token sources and the publication; no network."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.catalogue import SOURCES
from agent.github import published, start
from agent.github.hosts import is_configured
from agent.github.published import Published
from agent.github.record import RECORD, Record, fingerprint, read_record
from agent.github.sources import user
from agent.github.token import Failure, Found, Token, find_source, make_token
from agent.machine.secret import Secret
from agent.settings.everything import Settings
from tests.worlds.machine import Machine, make_facts

FIRST = "ghp_first0123456789"
SECOND = "ghp_second0123456789"


class Publisher(Machine):
    def __init__(self, root: Path) -> None:
        super().__init__(root, start.resources)
        self.path = root / "token"

    def publish_file(self) -> list[str]:
        return self.configure(GITHUB_TOKEN_FILE=str(self.path))

    @property
    def token(self) -> Published | None:
        return published.read_token(self.facts, "github.com")

    @property
    def value(self) -> str | None:
        return self.token.value.reveal() if self.token else None

    @property
    def record(self) -> Record:
        return read_record(self.facts, "github.com")


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path)


def read(variables: dict[str, str], tmp_path: Path) -> tuple[str, Found]:
    """Return the name of the source that these variables choose, and what it gives."""
    settings, facts = Settings.from_environ(variables), make_facts(tmp_path)
    source = find_source(settings.github, SOURCES)
    assert source
    return source.name, source.fetch(settings.github, facts)


def test_each_variable_has_its_source(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{FIRST}\n")
    token = Token("github.com", Secret(FIRST))
    for name in ("GITHUB_TOKEN", "GH_TOKEN"):
        assert read({name: FIRST}, tmp_path) == ("environment", replace(token, source=name))
    name = "GITHUB_TOKEN_FILE"
    assert read({name: str(path)}, tmp_path) == ("token file", replace(token, source=name))
    assert find_source(Settings.from_environ({}).github, SOURCES) is None


@pytest.mark.parametrize("text", ["test_token", "test_token\n"])
def test_test_token_means_no_login(publisher: Publisher, text: str) -> None:
    assert publisher.configure(GITHUB_TOKEN=text.strip()) == []
    assert publisher.token is None
    publisher.path.write_text(text)
    assert publisher.publish_file() == []
    assert publisher.token is None


def test_a_token_is_published_for_its_user_alone(publisher: Publisher) -> None:
    assert publisher.configure(GITHUB_TOKEN=FIRST) == []
    path = published.token_path(publisher.facts, "github.com")
    assert path.read_text() == f"{FIRST}\n\n\n{fingerprint(Secret(FIRST))}\n\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert publisher.record.source == "GITHUB_TOKEN"
    assert publisher.record.kind == "personal"
    assert FIRST not in RECORD.path(publisher.facts, "github.com").read_text()


@pytest.mark.parametrize("text", ["two words", f"{FIRST}\n{SECOND}\n", "tökén", "a\x07b"], ids=repr)
def test_what_is_no_token_is_said_without_showing_it(publisher: Publisher, text: str) -> None:
    publisher.path.write_text(text)
    problems = publisher.publish_file()
    assert len(problems) == 1
    assert problems[0].startswith(f"cannot use GITHUB_TOKEN_FILE={publisher.path}: ")
    assert not any(word in problems[0] for word in text.split())
    assert publisher.token is None


def test_a_file_may_appear_late_change_and_vanish(publisher: Publisher) -> None:
    assert "no such file" in publisher.publish_file()[0]
    assert publisher.value is None
    publisher.path.write_text(FIRST)
    assert publisher.publish_file() == []
    assert publisher.value == FIRST
    publisher.path.write_text(SECOND)
    publisher.publish_file()
    assert publisher.value == SECOND
    publisher.path.write_text("")
    assert "empty" in publisher.publish_file()[0]
    assert publisher.value == SECOND, "trouble with the source withdraws nothing"
    publisher.path.unlink()
    assert len(publisher.publish_file()) == 1
    assert publisher.value == SECOND


def test_no_source_any_more_withdraws_the_token(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    assert publisher.configure() == []
    assert publisher.token is None
    assert list((publisher.facts.runtime / "tokens").iterdir()) == []


def publish(publisher: Publisher, token: Token, record: Record) -> None:
    """Put in place what a check found out."""
    for edit in published.publish(token, record, publisher.facts):
        content = edit.change(None)
        assert isinstance(content, bytes)
        edit.path.write_bytes(content)


def test_what_a_check_found_out_stays(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    clock = publisher.facts.clock
    checked = Token("github.com", Secret(FIRST), "octo", clock.now() + timedelta(hours=1))
    publish(publisher, checked, replace(publisher.record, checked="2026-01-01T00:00:00Z"))
    publisher.configure(GITHUB_TOKEN=FIRST)
    assert publisher.token
    assert publisher.token.login == "octo"
    left = publisher.token.left(clock)
    assert left
    assert 3590 < left <= 3600
    assert publisher.record.checked
    publisher.configure(GITHUB_TOKEN=SECOND)
    assert publisher.token == Published("github.com", Secret(SECOND))
    assert not publisher.record.checked


def test_what_is_known_of_the_host_stays_with_a_new_token(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    before = replace(publisher.record, checked="2026-01-01T00:00:00Z",
                     refreshed="2026-01-01T00:00:00Z", rounds=5, bad_rounds=2, said=("no answer",),
                     refusals=3, skew=7.0)  # fmt: skip
    publish(publisher, Token("github.com", Secret(FIRST), "octo"), before)
    publisher.configure(GITHUB_TOKEN=SECOND)
    after = publisher.record
    assert (after.fingerprint, after.login, after.checked) == (
        fingerprint(Secret(SECOND)), None, "",
    )  # fmt: skip
    assert after == replace(
        after, refreshed=before.refreshed, rounds=5, bad_rounds=2, said=before.said, refusals=3,
        skew=7.0,
    )  # fmt: skip


def test_a_source_in_trouble_withdraws_the_token_of_another(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    assert len(publisher.publish_file()) == 1
    assert publisher.token is None


def test_a_published_token_that_was_deleted_comes_back(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    published.token_path(publisher.facts, "github.com").unlink()
    publisher.configure(GITHUB_TOKEN=FIRST)
    assert publisher.value == FIRST


def test_a_token_that_moves_to_a_file_is_read_from_there(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    publisher.path.write_text(FIRST)
    assert publisher.publish_file() == []
    assert (publisher.value, publisher.record.file) == (FIRST, str(publisher.path))


def test_a_token_that_github_refused_does_not_come_back(publisher: Publisher) -> None:
    publisher.configure(GITHUB_TOKEN=FIRST)
    refused = fingerprint(Secret(SECOND))
    publish(
        publisher, Token("github.com", Secret(FIRST)), replace(publisher.record, rejected=refused)
    )
    publisher.configure(GITHUB_TOKEN=SECOND)
    assert publisher.value == FIRST
    publisher.configure(GITHUB_TOKEN="ghp_third")
    assert publisher.value == "ghp_third"


def test_the_first_source_that_is_configured_decides(tmp_path: Path) -> None:
    """No silent fall-back to another identity: a source in trouble hides the later ones."""
    missing = {
        "GITHUB_TOKEN_FILE": str(tmp_path / "missing"),
        "GITHUB_APP_ID": "1",
        "GITHUB_APP_PRIVATE_KEY": "key",
        "DEV8_GITHUB_TOKEN_COMMAND": "echo ghp_x",
    }
    name, found = read(missing, tmp_path)
    assert name == "token file"
    assert isinstance(found, Failure)
    del missing["GITHUB_TOKEN_FILE"]
    assert read({**missing, "GITHUB_TOKEN": FIRST}, tmp_path)[0] == "GitHub App"


def test_a_source_is_chosen_exactly_where_a_token_is_to_be_expected() -> None:
    cases: list[dict[str, str]] = [
        {}, {"GITHUB_TOKEN": FIRST}, {"GITHUB_TOKEN_FILE": "/x"},
        {"GITHUB_APP_ID": "1", "GITHUB_APP_PRIVATE_KEY": "x"},
        {"GITHUB_APP_CLIENT_ID": "1", "GITHUB_APP_CLIENT_SECRET": "x", "GITHUB_REFRESH_TOKEN": "y"},
        {"DEV8_GITHUB_TOKEN_COMMAND": "true"}, {"DEV8_GITHUB_TOKEN_URL": "http://127.0.0.1/"},
    ]  # fmt: skip
    for variables in cases:
        account = Settings.from_environ(variables).github
        assert is_configured(account) == (find_source(account, SOURCES) is not None)


@pytest.mark.parametrize("seconds", [None, "", "soon", "²", [], {}, 1e30, "9" * 400, -1e30])
def test_a_life_that_no_clock_shows_is_none(seconds: object, tmp_path: Path) -> None:
    assert user.find_end(make_facts(tmp_path), seconds) is None


@pytest.mark.parametrize("seconds", [60, 60.0, "60"])
def test_a_life_in_seconds_ends(seconds: object, tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    ends = user.find_end(facts, seconds)
    assert ends is not None
    assert abs(ends - facts.clock.now() - timedelta(seconds=60)) < timedelta(seconds=30)


@pytest.mark.parametrize("text", ['"ghp_x"', "'ghp_x'", "\ufeffghp_x\r\n", " ghp_x "])
def test_what_an_env_file_or_an_editor_puts_around_a_token_is_no_part_of_it(text: str) -> None:
    found = make_token(Secret(text), "github.com", "GITHUB_TOKEN")
    assert isinstance(found, Token)
    assert found.value.reveal() == "ghp_x"
