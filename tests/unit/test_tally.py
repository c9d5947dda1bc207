"""The counts of `make faults`: each case is tried once, and an interrupted run ends at once."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.tally import Tally
from tests.worlds.programs import Awaited

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = """
import os, threading
from tests.faults.tally import Tally
def attempt(number):
    os.write(1, b"begun\\n")  # at once: several do
    threading.Event().wait()
Tally("a test", 3).spread(attempt, range(3))
"""

CONFTEST = """
from pathlib import Path
from tests.faults import tally
from tests.faults.tally import counting, pytest_runtest_makereport
tally.RECORD = Path(__file__).with_name("tried.json")
def pytest_addoption(parser):
    parser.addoption("--times", type=float, default=1.0)
"""
COUNTED = """
def test_good(tally):
    tally(2).spread(lambda _: "", range(2))
def test_one_try_fails(tally):
    tally(2).spread(lambda number: "wrong" if number else "", range(2))
def test_judged_at_the_end(tally):
    tally(2).spread(lambda _: "", range(2))
    assert False
def test_interrupted(tally):
    tally(2).spread(lambda _: "", range(2))
    raise KeyboardInterrupt
"""


def test_only_what_a_test_has_judged_is_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_counted.py").write_text(COUNTED)
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_counted.py"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environ, check=False, capture_output=True)
    rows = json.loads((tmp_path / "tried.json").read_text())
    kept = {name.partition("::")[2]: (row["tried"], row["failed"]) for name, row in rows.items()}
    wanted = {"test_good": (2, 0), "test_one_try_fails": (2, 1), "test_judged_at_the_end": (2, 1)}
    assert kept == wanted, done.stdout


def test_each_case_is_tried_once_and_failures_are_counted() -> None:
    def attempt(number: int) -> str:
        if number == 7:
            raise ValueError("an error")
        return "wrong" if number == 3 else ""

    tally = Tally("a test", 20)
    tally.spread(attempt, tally.tries())
    assert tally.tried == 20
    assert sorted(tally.failures) == ["ValueError: an error", "wrong"]


def test_an_interrupted_run_waits_for_no_attempt() -> None:
    words = [sys.executable, "-c", ENDLESS]
    with Awaited[bytes](words, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == -signal.SIGINT
        finally:
            process.kill()
