"""What init costs over time, and that nothing piles up."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.values import Job
from tests.pid1.boxes import PYTHON, Box, booted, wait_until, with_jobs
from tests.pid1.test_reaping import STORM

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


@pytest.mark.soak
def test_idle_costs_little(start: Start, folder: Path, soak_seconds: float) -> None:
    """With a watched file, as in normal life: it wakes for that and for nothing else."""
    watched = Job("refresh", ("true",), 100000.0, 5.0, (str(folder / "watched"),))
    box = start(*booted(folder, with_jobs(watched)))
    wait_until(lambda: box.state()["jobs"]["refresh"]["last_exit"] == 0, "the first run")
    pid, window = box.pid, soak_seconds / 2
    before, wakes, began = cpu_seconds(pid), status(pid, "voluntary"), time.monotonic()
    wait_until(lambda: time.monotonic() - began > window, "the time", window + 5)
    seconds = time.monotonic() - began
    assert cpu_seconds(pid) - before <= IDLE_SHARE * seconds + 0.01, "one tick of the clock is free"
    assert status(pid, "voluntary") - wakes <= seconds / 4 + 2


@pytest.mark.soak
def test_storms_of_orphans_leave_nothing(start: Start, folder: Path, soak_seconds: float) -> None:
    job = Job("quick", ("sh", "-c", "exit 3"), 0.02, 5.0)
    command = (*PYTHON, "-c", "while True:\n" + STORM.format(count=50).replace("\n", "\n "))
    box = start(*booted(folder, with_jobs(job), *command))
    wait_until(lambda: box.state()["jobs"]["quick"]["runs"] > 20, "some runs")
    pid, began = box.pid, time.monotonic()
    memory, files = status(pid, "VmRSS"), count_descriptors(pid)
    wait_until(lambda: time.monotonic() - began > soak_seconds / 3, "the time", soak_seconds)
    assert box.state()["jobs"]["quick"]["last_exit"] == 3
    assert status(pid, "VmRSS") <= memory + GROWTH_ALLOWED_KB
    assert count_descriptors(pid) <= files + 2
    assert len(box.processes()) < 60
    assert box.stop()[0] == 128 + signal.SIGTERM
