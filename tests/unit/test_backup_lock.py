"""One at a time: who comes second waits a while, and is told for whom."""

import contextlib
import threading
from pathlib import Path

import pytest

from agent.backup import lock
from agent.machine.system import Facts
from tests.worlds.limits import refuse_thread
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def test_the_second_is_refused_and_told_why(facts: Facts) -> None:
    told: list[str] = []
    with (
        lock.hold(facts, "a backup is being made"),
        pytest.raises(lock.BusyError, match="cannot start: a backup is being made \\(process"),
        lock.hold(facts, "a restore is running", patience=0.2, tell=told.append),
    ):
        pass
    assert [text.split(" (")[0] for text in told] == ["a backup is being made"]
    with lock.hold(facts, "a restore is running", tell=told.append):
        assert len(told) == 1


def test_the_second_begins_when_the_first_is_done(facts: Facts) -> None:
    first = contextlib.ExitStack()
    first.enter_context(lock.hold(facts, "a backup is being made"))
    begun, waiting = threading.Event(), threading.Event()

    def come_second() -> None:
        with lock.hold(facts, "x", patience=60, tell=lambda _: waiting.set()):
            begun.set()

    thread = threading.Thread(target=come_second)
    thread.start()
    assert waiting.wait(60)
    assert not begun.is_set()
    first.close()
    thread.join(60)
    assert begun.is_set()


def test_what_works_by_a_schedule_makes_way(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """For who waits, and not for who does not."""
    monkeypatch.setattr(lock, "GRACE", 0.5)
    begun, done = threading.Event(), threading.Event()

    def come_second() -> None:
        with lock.hold(facts, "x", patience=60):
            begun.set()

    thread = threading.Thread(target=come_second)
    with (
        pytest.raises(lock.GiveWay),
        lock.hold(facts, "a scheduled backup is being made"),
        lock.make_way(facts),
    ):
        assert not lock.is_wanted(facts)
        thread.start()
        done.wait(60)
    assert begun.wait(60)
    thread.join()
    assert not lock.is_wanted(facts)
    with lock.hold(facts, "x"), lock.make_way(facts):
        pass


def test_without_a_further_thread_nobody_makes_way(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", refuse_thread)
    done = False
    with lock.make_way(facts):
        done = True
    assert done
