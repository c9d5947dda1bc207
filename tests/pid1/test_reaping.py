"""Orphans: taken away at once, and never mistaken for a child."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light.boot_file import Job
from tests.pid1.boxes import (
    EMPTY_BOOT,
    ENVIRONMENT,
    INIT,
    PYTHON,
    Box,
    Namespace,
    booted,
    with_jobs,
)
from tests.worlds.waiting import DEADLINE, wait_until

Start = Callable[..., Box]

STORM = """
import os, sys, time
for _ in range({count}):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(1)
        os._exit(0)
    os.wait()
"""
"""Each grandchild ends with 1 as an orphan, whose status is nobody's."""


def test_a_storm_of_orphans_does_not_touch_the_exit_code(start: Start) -> None:
    script = STORM.format(count=100) + "sys.exit(3)"
    boxes = [start(*INIT, *PYTHON, "-c", script) for _ in range(4)]
    assert {box.wait() for box in boxes} == {3}


def test_a_storm_of_orphans_does_not_touch_the_jobs(start: Start, folder: Path) -> None:
    """Statuses of init's own children, while foreign ones pour in."""
    job = Job("quick", ("sh", "-c", "exit 3"), 0.0, 5.0)
    command = (*PYTHON, "-c", "while True:\n" + STORM.format(count=50).replace("\n", "\n "))
    box = start(*booted(folder, with_jobs(job), *command))
    seen: set[int | None] = set()

    def has_run_often() -> bool:
        entry = box.state()["jobs"]["quick"]
        seen.add(entry["last_exit"])
        return bool(entry["runs"] > 100)

    wait_until(has_run_often, "100 runs")
    assert seen <= {None, 3}
    assert box.stop() == 128 + signal.SIGTERM


def test_orphans_of_health_checks_do_not_pile_up(
    start: Start, folder: Path, namespace: Namespace
) -> None:
    """As of `docker exec`: their parent is outside, and leaves its children to init."""
    if os.getuid() != 0:
        pytest.skip("only root can enter the namespace of another")
    box = start(*booted(folder, EMPTY_BOOT))
    box.wait_for_phase("ready")
    before = set(box.processes())
    probe = [
        "nsenter", "--target", str(box.pid), "--pid", "--mount",
        "setpriv", "--reuid", str(namespace.uid), "sh", "-c", "sleep 0.01 & true & exit 1",
    ]  # fmt: skip
    for _ in range(100):
        assert subprocess.run(probe, check=False, timeout=DEADLINE).returncode == 1
    wait_until(lambda: set(box.processes()) <= before, "the end of all orphans, zombies too")
    assert box.stop() == 0


def test_init_that_is_not_pid_1_adopts_orphans_and_ends_them(folder: Path) -> None:
    """As `tini -s`: it becomes the subreaper, and its descendants end with it."""
    script = "(sh -c 'echo $$ > orphan; exec sleep 1000' &) ; until test -s orphan; do :; done"
    check = 'sh -c "ps -o ppid= -p $(cat orphan)"; echo $PPID; exit 6'
    done = subprocess.run(
        [*INIT, "sh", "-c", f"{script}; {check}"], cwd=folder, env=ENVIRONMENT,
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 6, done.stderr
    adopter, init = done.stdout.split()
    assert adopter == init
    orphan = int((folder / "orphan").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(orphan, 0)
