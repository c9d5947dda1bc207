"""Limits for what may wait for ever: only a limit that was reached is reported as one."""

import errno
import signal
import threading
import time

import pytest

from agent.machine.deadline import deadline, refusal_after, run_within
from agent.machine.errors import AgentError
from tests.worlds.limits import refuse_threads

MINUTES = 600.0


def test_what_takes_too_long_is_refused() -> None:
    """Whoever catches the first word that the time is over gets it again."""
    with pytest.raises(AgentError) as caught, refusal_after(0.1, "show the status", "look there"):
        try:
            signal.pause()
        except TimeoutError:
            signal.pause()
    (problem,) = caught.value.problems
    assert problem.message == "cannot show the status: it took longer than 0.1 s"
    assert problem.hint == "look there"
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("other", [TimeoutError(errno.ETIMEDOUT, "disk"), TimeoutError("socket")])
def test_a_time_limit_of_somebody_else_passes(other: TimeoutError) -> None:
    with pytest.raises(TimeoutError) as caught, refusal_after(MINUTES, "show the status"):
        raise other
    assert caught.value is other


@pytest.mark.parametrize("refused", [False, True], ids=["a thread", "no further thread"])
def test_work_within_a_time_gives_its_result_or_its_error(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if refused:
        refuse_threads(monkeypatch)
    assert run_within(MINUTES, lambda: "an answer") == "an answer"
    with pytest.raises(ZeroDivisionError):
        run_within(MINUTES, lambda: 1 // 0)


def test_without_a_further_thread_work_that_takes_too_long_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_threads(monkeypatch)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        run_within(0.1, lambda: threading.Event().wait(MINUTES))
    assert time.monotonic() - began < MINUTES / 2
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_a_further_thread_a_time_limit_of_somebody_else_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_threads(monkeypatch)
    with deadline(MINUTES):
        assert run_within(MINUTES * 2, lambda: "an answer") == "an answer"
        left, _ = signal.getitimer(signal.ITIMER_REAL)
        assert 0 < left <= MINUTES


def test_work_that_takes_too_long_is_left_alone() -> None:
    over = threading.Event()
    with pytest.raises(TimeoutError):
        run_within(0.1, lambda: over.wait(MINUTES))
    over.set()
