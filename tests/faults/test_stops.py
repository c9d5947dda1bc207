"""TERM at every moment of a start, and a thousand lives one after another."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.lives import LEAN, Ground, Life, living
from tests.faults.tally import Tally
from tests.worlds.waiting import wait_until

SECOND = 1.0
STOP_TIME = 10.0
"""Seconds: the agent's own limit is eight."""
AT_ONCE = 2
GROWTH_ALLOWED_KB = 512


def wait_for_program(life: Life) -> float:
    """Return when PID 1 has become the agent: what it was before blocks no signal."""
    path = Path(f"/proc/{life.pid}/cmdline")
    wait_until(lambda: path.read_bytes().split(b"\0")[0].endswith(b"python"), "the agent")
    return time.monotonic()


def try_term(ground: Ground, after: float) -> str:
    """Send TERM so many seconds after the start; return what was wrong."""
    with living(ground, variables=LEAN) as life:
        moment = wait_for_program(life) + after
        wait_until(lambda: time.monotonic() >= moment, "the moment")
        os.kill(life.pid, signal.SIGTERM)
        try:
            code = life.box.wait(STOP_TIME)
        except subprocess.TimeoutExpired:
            return f"TERM after {after:.3f} s was lost: {life.tail()}"
        said = life.box.out + life.box.err
        bad = code != 0 or "Traceback" in said or "internal error" in said
        return f"TERM after {after:.3f} s: {code}: {life.tail()}" if bad else ""


def test_no_term_is_lost(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """One at every millisecond of the first second of a start."""
    count = tally(1000)
    moments = [SECOND * number / count.wanted for number in count.tries()]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for failure in pool.map(lambda after: try_term(ground, after), moments):
            count.count(failure)
    count.check()


def live_once(ground: Ground) -> tuple[float, float, int, int]:
    """Return the seconds until ready and of the stop, init's memory in kB, files in the home."""
    began = time.monotonic()
    with living(ground, variables=LEAN, before="true") as life:
        life.wait_ready()
        ready = time.monotonic() - began
        memory = life.find_memory()
        began = time.monotonic()
        assert life.stop() == 0, life.tail()
        files = sum(1 for _ in (ground.folder / "home").rglob("*"))
        return ready, time.monotonic() - began, memory, files


def test_cycles_do_not_drift(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """The home stays; the last tenth of the lives is as the first, the very first left out."""
    count, rows = tally(1000), []
    (ground.folder / "home").chmod(0o777)
    live_once(ground)
    for _ in count.tries():
        rows.append(live_once(ground))
        count.count()
    part = max(1, len(rows) // 10)
    first, last = ([statistics.median(column) for column in zip(*some, strict=True)]
                   for some in (rows[:part], rows[-part:]))  # fmt: skip
    print("ready s, stop s, kB, files: first", first, "last", last)
    for number in (0, 1):
        assert last[number] <= first[number] * 1.5 + 0.3, (first, last)
    assert last[2] <= first[2] + GROWTH_ALLOWED_KB, (first, last)
    assert last[3] <= first[3], (first, last)
