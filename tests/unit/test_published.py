"""Published tokens and their records, written and read back."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.github import published
from agent.github.record import RECORD, Record
from agent.github.token import Token
from agent.machine.light.clock import Clock
from agent.machine.secret import Secret
from tests.worlds.machine import make_facts

TOKEN = Token("github.com", Secret("ghp_first"), "octo", datetime(2026, 12, 1, 10, tzinfo=UTC))


@dataclass(frozen=True)
class Stopped(Clock):
    """A clock that shows one moment."""

    moment: datetime = datetime(2026, 12, 1, 9, tzinfo=UTC)
    seconds: float = 1000.5

    def now(self) -> datetime:
        return self.moment

    def uptime(self) -> float:
        return self.seconds


def test_a_token_reads_back_with_the_uptime_at_which_it_ends() -> None:
    found = published.decode_token("github.com", published.encode_token(TOKEN, Stopped()))
    assert found
    assert (found.value, found.login, found.ends) == (TOKEN.value, "octo", 4600.0)
    assert found.left(Stopped(seconds=4590.0)) == 10


def test_a_clock_that_is_set_changes_nothing() -> None:
    found = published.decode_token("github.com", published.encode_token(TOKEN, Stopped()))
    assert found
    later = Stopped(moment=datetime(2031, 1, 1, tzinfo=UTC), seconds=1001.0)
    assert found.left(later) == 3599


def test_a_token_without_an_end_reads_back() -> None:
    content = published.encode_token(replace(TOKEN, expires=None, login=None), Stopped())
    found = published.decode_token("github.com", content)
    assert found
    assert (found.ends, found.login, found.left(Stopped())) == (None, None, None)


@pytest.mark.parametrize("content", [None, b"", b"\n"])
def test_nothing_is_no_token(content: bytes | None) -> None:
    assert published.decode_token("github.com", content) is None


def test_a_record_reads_back_and_a_damaged_one_is_empty() -> None:
    record = Record(
        "github.com", "octo", life=3600.0, problems={"check": "it failed"}, said=("it failed",)
    )
    assert RECORD.decode(RECORD.encode(record)) == record
    assert RECORD.decode(b"{damaged") == Record("")
    assert RECORD.decode(b'{"of_a_later_version": 1, "login": [], "kind": "user"}') == Record(
        "", kind="user"
    )


def test_the_hosts_are_those_with_a_record(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    assert list(published.find_hosts(facts)) == []
    for host in ("github.com", "acme.ghe.com"):
        RECORD.path(facts, host).write_bytes(b"{}")
    assert list(published.find_hosts(facts)) == ["acme.ghe.com", "github.com"]
    planned = {RECORD.path(facts, "ghe.example.com"): b"{}"}
    assert "ghe.example.com" in published.find_hosts(facts.with_pending(planned))


def test_the_machines_uptime_is_what_shell_scripts_read() -> None:
    before = float(Path("/proc/uptime").read_text().split()[0])
    assert before <= Clock().uptime() <= before + 5
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)
