"""What init costs over time, and that nothing piles up."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.machine.light.boot_file import Job
from agent.services.service import Service
from agent.services.supervisord import query_states
from tests.pid1.boxes import PYTHON, Box, booted, change, with_jobs, with_services
from tests.pid1.test_reaping import STORM
from tests.worlds.waiting import DEADLINE, wait_until

Start = Callable[..., Box]

IDLE_SHARE = 0.001
"""Of a core."""
GROWTH_ALLOWED_KB = 512


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name)))


def count_descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


@dataclass(frozen=True)
class Cost:
    """What processes have used so far."""

    cpu_seconds: float
    wakes: int
    descriptors: int


def measure(pids: Iterable[int]) -> Cost:
    pids = tuple(pids)
    return Cost(
        sum(map(cpu_seconds, pids)),
        sum(status(pid, "voluntary") for pid in pids),
        sum(map(count_descriptors, pids)),
    )


@pytest.mark.soak
@pytest.mark.parametrize("calls", [0, 1000])
def test_idle_costs_little(start: Start, folder: Path, soak_seconds: float, calls: int) -> None:
    """As in normal life: with the log, supervisord, a service and a watched file.

    Also after many have asked supervisord: nobody must spin or keep anything then.
    """
    job = Job("refresh", ("true",), 100000.0, 5.0, watch=(str(folder / "watched"),))
    boot = with_services(folder, Service("a", ("sh", "-c", "echo begun; exec sleep 1000")))
    box = start(*booted(folder, change(boot, jobs=(job,))))
    box.wait_for('"message": "begun"')
    wait_until(lambda: box.state()["jobs"]["refresh"]["last_exit"] == 0, "the first run")
    named = {
        word: box.find(word)
        for word in ("agent.init --booted", "agent.init.logger", "supervisor.super")
    }
    assert all(named.values()), named
    pids = [box.pid, *(pid for pid in named.values() if pid)]
    descriptors = measure(pids).descriptors
    for _ in range(calls):
        assert "a" in query_states(folder / "run", DEADLINE)
    before, began = measure(pids), time.monotonic()
    window = soak_seconds / 4
    wait_until(lambda: time.monotonic() - began > window, "the time")
    after, seconds = measure(pids), time.monotonic() - began
    ticks = 0.01 * len(pids)  # one tick of the clock is free for each
    assert after.cpu_seconds - before.cpu_seconds <= IDLE_SHARE * seconds + ticks
    # supervisord looks every second, the copy of init every five; a service may just be starting.
    assert after.wakes - before.wakes <= seconds * 2 + 15
    assert after.descriptors <= descriptors


@pytest.mark.soak
def test_storms_of_orphans_leave_nothing(start: Start, folder: Path, soak_seconds: float) -> None:
    job = Job("quick", ("sh", "-c", "exit 3"), 0.02, 5.0)
    command = (*PYTHON, "-c", "while True:\n" + STORM.format(count=50).replace("\n", "\n "))
    box = start(*booted(folder, with_jobs(job), *command))
    wait_until(lambda: box.state()["jobs"]["quick"]["runs"] > 20, "some runs")
    pid, began = box.pid, time.monotonic()
    memory, files = status(pid, "VmRSS"), count_descriptors(pid)
    wait_until(
        lambda: time.monotonic() - began > soak_seconds / 3, "the time", soak_seconds + DEADLINE
    )
    assert box.state()["jobs"]["quick"]["last_exit"] == 3
    assert status(pid, "VmRSS") <= memory + GROWTH_ALLOWED_KB
    assert count_descriptors(pid) <= files + 2
    wait_until(lambda: len(box.processes()) < 60, "few orphans: those that it lags behind with")
    assert box.stop() == 128 + signal.SIGTERM
