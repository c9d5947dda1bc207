"""Who may write a file, and what of it is closed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import Closed, Private
from agent.machine.storage import owners
from agent.machine.system import Facts, System
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


@pytest.mark.parametrize(
    ("owner", "mode", "writers"),
    [
        ((12345, 2000), 0o755, ""),
        ((0, 0), 0o755, ""),
        ((12345, 2000), 0o775, "group 2000"),
        ((0, 0), 0o2775, "group 0"),
        ((0, 0), 0o777, "every uid"),
        ((2001, 2000), 0o755, "uid 2001"),
    ],
)
def test_who_else_may_write(
    facts: Facts,
    monkeypatch: pytest.MonkeyPatch,
    owner: tuple[int, int],
    mode: int,
    writers: str,
) -> None:
    facts.home.chmod(mode)
    monkeypatch.setattr(Facts, "owner", lambda *_: owner)
    given = replace(facts, uid=12345)
    assert owners.find_writers(facts.home, given) == writers
    assert owners.is_ours_alone(facts.home, given) == (writers == "")


def test_nothing_is_written_by_nobody(facts: Facts) -> None:
    assert owners.find_writers(facts.home / "none", facts) == ""
    assert owners.is_ours_alone(facts.home / "none", facts)
    assert not owners.can_close(facts.home / "none", facts)


def test_what_is_for_the_user_alone_is_closed_again(facts: Facts) -> None:
    before = {
        ".ssh": 0o770,
        ".ssh/id_rsa": 0o660,
        ".ssh/id_rsa.pub": 0o664,
        ".ssh/config": 0o664,
        ".ssh/authorized_keys": 0o666,
        ".ssh/known_hosts.old": 0o664,
        ".ssh/shown": 0o644,
        ".netrc": 0o660,
        ".npmrc": 0o640,
        ".cargo/credentials.toml": 0o660,
        ".foreign/key": 0o660,
        ".bashrc": 0o664,
        "project": 0o775,
    }
    for name, mode in before.items():
        path = facts.home / name
        path.parent.mkdir(exist_ok=True)
        path.mkdir() if name in (".ssh", "project") else path.touch()
        path.chmod(mode)
        os.chown(path, os.getuid(), 2000 if os.getuid() == 0 else -1)
    (facts.home / ".ssh/pipe").symlink_to("/dev/zero")
    closed = owners.close(facts, facts.home / "project", [".foreign/key"])
    planned = plan("close", closed, facts, Ledger())
    assert apply(planned, System(facts.environ), Ledger()) == ()
    after = {name: (facts.home / name).stat().st_mode & 0o777 for name in before}
    assert after == {
        **before,
        ".ssh": 0o750,
        ".ssh/id_rsa": 0o600,
        ".ssh/id_rsa.pub": 0o644,
        ".ssh/config": 0o600,
        ".ssh/authorized_keys": 0o644,
        ".ssh/known_hosts.old": 0o644,
        ".netrc": 0o600,
        ".cargo/credentials.toml": 0o600,
        ".foreign/key": 0o600,
    }
    again = list(owners.close(facts, facts.home / "project", [".foreign/key"]))
    assert plan("close", again, facts, Ledger()).actions == ()
    assert {type(item) for item in again} == {Closed, Private}
