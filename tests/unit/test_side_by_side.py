"""How tests share the machine: groups stay together, and what measures time runs alone."""

import threading
from pathlib import Path

import pytest

from tests.side_by_side import strip_group, take_turn
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("name", "stripped"),
    [
        ("tests/unit/test_a.py::test_b", "tests/unit/test_a.py::test_b"),
        ("tests/e2e/test_a.py::test_b@test_a", "tests/e2e/test_a.py::test_b"),
        ("tests/e2e/test_a.py::test_b[x@y]@test_a", "tests/e2e/test_a.py::test_b[x@y]"),
        ("tests/unit/test_a.py::test_b[x@y]", "tests/unit/test_a.py::test_b[x@y]"),
    ],
)
def test_a_test_is_shown_by_the_name_that_pytest_takes(name: str, stripped: str) -> None:
    assert strip_group(name) == stripped


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
