"""Work in the background leaves a processor, and the disk, to the person in the workspace."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from agent.machine.programs.background import choose_processors, read_quota, start_behind
from tests.worlds.limits import refuse_thread

ANY = float("inf")


@pytest.mark.parametrize(
    ("allowed", "quota", "count"),
    [
        (1, ANY, 1), (2, ANY, 1), (8, ANY, 7),
        (8, 0.5, 1), (8, 1.5, 1), (8, 2.0, 1), (8, 3.9, 2), (2, 16.0, 1),
    ],
)  # fmt: skip
def test_one_processor_is_left_of_those_that_it_may_use(
    allowed: int, quota: float, count: int
) -> None:
    processors = {10 + number for number in range(allowed)}
    chosen = choose_processors(processors, quota)
    assert len(chosen) == count
    assert chosen <= processors


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, ANY),
        ({"cpu.max": "max 100000\n"}, ANY),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "rubbish\n"}, ANY),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, ANY),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "400000\n"}, ANY),
    ],
)
def test_the_quota_of_both_versions_of_cgroups(
    tmp_path: Path, files: dict[str, str], quota: float
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert read_quota(tmp_path) == quota


def test_it_holds_for_what_is_started_from_there() -> None:
    child = (
        "import json, os, psutil; print(json.dumps([len(os.sched_getaffinity(0)), "
        "os.sched_getscheduler(0), psutil.Process().ionice()[0]]))"
    )
    script = (
        "import subprocess, sys\n"
        "from agent.machine.programs.background import give_way; give_way(); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    count = len(choose_processors(os.sched_getaffinity(0), read_quota()))
    assert json.loads(done.stdout) == [count, os.SCHED_IDLE, psutil.IOPRIO_CLASS_IDLE.value]


def test_a_program_is_started_where_no_thread_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not give way then; a limit of processes counts threads."""
    monkeypatch.setattr(threading.Thread, "start", refuse_thread)
    process = start_behind(lambda: subprocess.Popen(["echo", "started"], stdout=subprocess.PIPE))
    assert process.communicate()[0] == b"started\n"
    assert process.returncode == 0


def test_a_program_that_gives_way_does_not_slow_whoever_starts_it(tmp_path: Path) -> None:
    script = (
        "import json, os, psutil, sys; print(json.dumps([len(os.sched_getaffinity(0)), "
        "os.sched_getscheduler(0), psutil.Process().ionice()[0], "
        "os.getpriority(os.PRIO_PROCESS, 0), open('/proc/self/oom_score_adj').read().strip()]))"
    )

    def start() -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-c", f"input(); {script}"]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    ours = [os.sched_getaffinity(0), os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)]
    said, _ = start_behind(start).communicate(b"\n", timeout=120)
    count = len(choose_processors(os.sched_getaffinity(0), read_quota()))
    idle = psutil.IOPRIO_CLASS_IDLE.value
    assert json.loads(said) == [count, os.SCHED_IDLE, idle, 19, "1000"]
    assert ours == [
        os.sched_getaffinity(0), os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError):
        start_behind(lambda: subprocess.Popen([str(tmp_path / "nothing")]))
