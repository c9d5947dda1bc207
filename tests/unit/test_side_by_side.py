"""How tests share the machine: groups stay together, and what measures time runs alone."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from tests.worlds.side_by_side import take_turn
from tests.worlds.waiting import wait_until

TOP = Path(__file__).parents[2]


SUITE = """
import os
import pytest

@pytest.mark.xdist_group("one box")
@pytest.mark.parametrize("number", range(8))
def test_in_a_group(number):
    print("ran on", os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_group_runs_on_one_worker(tmp_path: Path) -> None:
    """With this pytest and this xdist: the standard way of doing it breaks with some."""
    for name in ("__init__", "conftest", "worlds/__init__", "worlds/needs", "worlds/side_by_side"):
        (tmp_path / f"tests/{name}.py").parent.mkdir(parents=True, exist_ok=True)
        source = TOP / f"tests/{name}.py"
        (tmp_path / f"tests/{name}.py").write_text(source.read_text() if source.exists() else "")
    (tmp_path / "tests/unit").mkdir()
    (tmp_path / "tests/unit/test_group.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n2", "-rP", "--import-mode=importlib", "-p",
         "no:cacheprovider", "tests"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    workers = re.findall(r"(?m)^ran on (gw\d)$", done.stdout)
    assert len(workers) == 8, done.stdout + done.stderr
    assert len(set(workers)) == 1


class Runner:
    """A test that runs, in a thread, until it may end."""

    def __init__(self, folder: Path, *, alone: bool) -> None:
        self.began, self.may_end = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, args=(folder, alone))
        self.thread.start()

    def _run(self, folder: Path, alone: bool) -> None:
        with take_turn(folder, alone=alone):
            self.began.set()
            self.may_end.wait()

    def end(self) -> None:
        self.may_end.set()
        self.thread.join()


def is_waited_for(path: Path) -> bool:
    """Tell whether someone waits for the lock of this file: the kernel lists that with an arrow."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f":{path.stat().st_ino} " in line for line in lines)


def test_ordinary_tests_run_side_by_side(tmp_path: Path) -> None:
    runners = [Runner(tmp_path, alone=False) for _ in range(3)]
    for runner in runners:
        assert runner.began.wait(10)
    for runner in runners:
        runner.end()


def test_one_that_measures_time_waits_for_others_and_nobody_overtakes_it(tmp_path: Path) -> None:
    first = Runner(tmp_path, alone=False)
    assert first.began.wait(10)
    alone = Runner(tmp_path, alone=True)
    wait_until(lambda: is_waited_for(tmp_path / "room"), "the wait for an empty room")
    late = Runner(tmp_path, alone=False)
    wait_until(lambda: is_waited_for(tmp_path / "door"), "the wait at the door")
    first.end()
    assert alone.began.wait(10)
    assert not late.began.is_set(), "nothing runs beside it"
    alone.end()
    assert late.began.wait(10)
    late.end()
