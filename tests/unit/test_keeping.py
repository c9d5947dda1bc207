"""What the next run needs is kept somewhere, whatever becomes of the state folder."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from agent.machine.records import keeping
from agent.machine.system import Facts
from tests.worlds.machine import make_facts

NAME = "backup/record.json"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def block(facts: Facts) -> Path:
    """Put a file where the state folder's own folder should be."""
    facts.state.mkdir(parents=True, exist_ok=True)
    blocked = facts.state / "backup"
    blocked.write_text("")
    return blocked


def test_the_state_folder_keeps_it(facts: Facts) -> None:
    assert keeping.recall(facts, NAME) is None
    assert keeping.keep(facts, NAME, b"1") == facts.state / NAME
    assert keeping.recall(facts, NAME) == b"1"
    assert (facts.state / NAME).stat().st_mode & 0o777 == 0o600


def test_the_runtime_folder_remembers_while_the_state_folder_cannot(facts: Facts) -> None:
    blocked = block(facts)
    path = keeping.keep(facts, NAME, b"2")
    assert facts.runtime in path.parents
    assert path.stat().st_mode & 0o777 == 0o600
    assert keeping.recall(facts, NAME) == b"2"
    blocked.unlink()
    assert keeping.recall(facts, NAME) == b"2", "the newer of the two"
    assert keeping.keep(facts, NAME, b"3") == facts.state / NAME
    assert keeping.recall(facts, NAME) == b"3"
    assert not path.exists()


def test_what_was_kept_before_is_still_known(facts: Facts) -> None:
    keeping.keep(facts, NAME, b"old")
    (facts.state / "backup").rename(facts.state / "moved")
    block(facts)
    keeping.keep(facts, NAME, b"new")
    assert keeping.recall(facts, NAME) == b"new"


def test_a_lock_lies_where_there_are_locks(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keeping.place_lock(facts, "backup/lock") == facts.state / "backup/lock"
    usual = fcntl.flock

    def refuse(descriptor: int, operation: int) -> None:
        if str(facts.state) in os.fspath(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        usual(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = keeping.place_lock(facts, "backup/lock")
    assert facts.runtime in path.parents
    with path.open() as held:
        usual(held, fcntl.LOCK_EX)
        assert keeping.place_lock(facts, "backup/lock") == path, "a lock that is held is one"


def test_a_lock_needs_room(facts: Facts) -> None:
    block(facts)
    assert facts.runtime in keeping.place_lock(facts, "backup/lock").parents
