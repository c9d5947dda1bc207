"""The sampler's own process on a clock that somebody sets, and on a machine that sleeps."""

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.observe.activity import idle, sample
from tests.contract.test_report import JOB, Box, opened
from tests.pid1.sleeping_clock import SleepingClock

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[SleepingClock]:
    clock = SleepingClock(tmp_path)
    yield clock
    clock.close()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    variables = {"DEV8_IDLE_TIMEOUT": "1h", "DEV8_IDLE_ACTION": "exit"}
    with opened(tmp_path, AGENT_URL="", **variables) as box:
        yield box


def look(box: Box, clock: SleepingClock) -> Any:
    """Return the document of a sample that is taken on this clock."""
    environ = {**box.environ, **clock.environment}
    done = subprocess.run(
        JOB, check=False, env=environ, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads((box.workspace.runtime / sample.FILE).read_text())


def find_left(document: Any, moment: str) -> float:
    """Return the seconds from a document's own time to a moment in it."""
    end, begin = (datetime.fromisoformat(text) for text in (moment, document["at"]))
    return (end - begin).total_seconds()


@pytest.mark.parametrize("step", [DAY, -DAY])
def test_a_clock_that_is_set_ends_nothing(box: Box, clock: SleepingClock, step: float) -> None:
    """A lease lasts as long as it was asked for, and nobody is idle for a day all at once."""
    box.call("keep", "2h")
    first = look(box, clock)
    for turn in (step, -2 * step, step):
        clock.set(turn)
        found = look(box, clock)
        (lease,) = found["leases"]
        assert find_left(found, lease["until"]) == pytest.approx(2 * HOUR, abs=120)
        assert find_left(found, found["stops"]) == pytest.approx(3 * HOUR, abs=120)
        assert found["active"] and found["boot"] >= first["boot"]
        assert not (box.workspace.runtime / idle.DUE).exists()


def test_a_machine_that_slept_has_nobody_to_blame(box: Box, clock: SleepingClock) -> None:
    """The lease is over, but who could have used it while it slept? The hour begins anew."""
    box.call("keep", "2h")
    assert len(look(box, clock)["leases"]) == 1
    clock.go(DAY)
    found = look(box, clock)
    assert found["leases"] == []
    assert find_left(found, found["stops"]) == pytest.approx(HOUR, abs=120)
    assert not (box.workspace.runtime / idle.DUE).exists()
