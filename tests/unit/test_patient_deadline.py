"""The time limit that asks whether what is late lacks a processor or waits for something else."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from agent.machine import deadline
from agent.machine.deadline import patient_deadline
from agent.machine.light import proc
from tests.worlds.programs import Awaited


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "LOOK", 0.05)


def wait_for_ever() -> None:
    """Read from a pipe that nobody writes to."""
    reader, writer = os.pipe()
    try:
        os.read(reader, 1)
    finally:
        os.close(reader)
        os.close(writer)


def work(seconds: float) -> None:
    """Have a processor for so long, however busy the machine is."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_waits_for_ever_is_ended_again_and_again() -> None:
    caught = []
    with patient_deadline(0.1):
        for _ in range(2):
            with pytest.raises(TimeoutError, match=r"longer than 0\.1 s") as raised:
                wait_for_ever()
            caught.append(raised.value)
    assert len(caught) == 2


def test_what_works_for_ever_is_ended_as_well() -> None:
    with pytest.raises(TimeoutError), patient_deadline(0.2):
        work(60)


def test_what_lacks_a_processor_is_not_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has waited for its turn all the time; nothing tells that from work but the kernel."""
    monkeypatch.setattr(proc, "measure_turns", time.monotonic)
    with patient_deadline(0.1):
        subprocess.run(["sleep", "1"], check=True)


def test_what_has_started_a_program_that_works_is_not_late() -> None:
    loop = "i=0; while [ $i -lt 1000000 ]; do i=$((i + 1)); done"
    with patient_deadline(0.1):
        subprocess.run(["sh", "-c", loop], check=True)


def test_a_program_that_waits_for_ever_is_a_wait() -> None:
    with pytest.raises(TimeoutError), patient_deadline(0.1):
        subprocess.run(["sleep", "1000"], check=False)


def test_the_kernel_counts_the_turns_of_a_process() -> None:
    before = proc.measure_turns()
    work(0.2)
    assert proc.measure_turns() - before >= 0.19


@pytest.mark.parametrize("content", ["0 0 0\n", "", "5 6\n", "none\n", None])
def test_a_kernel_that_does_not_count_turns_says_nothing_of_them(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise what works all the time would be taken for what only waits."""
    schedstat = tmp_path / "schedstat"
    if content is not None:
        schedstat.write_text(content)
    monkeypatch.setattr(proc, "SCHEDSTAT", str(schedstat))
    before = proc.measure_turns()
    work(0.2)
    assert proc.measure_turns() - before >= 0.19


def test_the_kernel_counts_how_often_a_process_had_a_turn() -> None:
    with Awaited[bytes](["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        before = proc.count_switches(process.pid)
        for _ in range(5):
            process.stdin.write(b"line\n")
            process.stdin.flush()
            process.stdout.readline()
        after = proc.count_switches(process.pid)
        assert before is not None
        assert after is not None
        assert after - before >= 4
        process.kill()
    assert proc.count_switches(process.pid) is None
