"""The counts of `make faults`: each case is tried once, and an interrupted run ends at once."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.faults.tally import Tally

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = """
import threading
from tests.faults.tally import Tally
def attempt(number):
    print("begun", flush=True)
    threading.Event().wait()
Tally("a test", 3).spread(attempt, range(3))
"""


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
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == -signal.SIGINT
        finally:
            process.kill()
