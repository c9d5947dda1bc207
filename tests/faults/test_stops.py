"""TERM at every moment of a start, and a thousand lives one after another."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.faults.life import Life
from tests.faults.lives import LEAN, Ground, laid_ground, living
from tests.faults.tally import AT_ONCE, Tally
from tests.worlds.waiting import pass_time, wait_until

SECOND = 1.0
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
        pass_time(moment - time.monotonic())
        os.kill(life.pid, signal.SIGTERM)
        try:
            code = life.box.wait()
        except subprocess.TimeoutExpired:
            return f"TERM after {after:.3f} s was lost: {life.tail()}"
        said = life.box.out + life.box.err
        bad = code != 0 or "Traceback" in said or "internal error" in said
        return f"TERM after {after:.3f} s: {code}: {life.tail()}" if bad else ""


def test_no_term_is_lost(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """One at every millisecond of the first second of a start."""
    count = tally(1000)
    moments = [SECOND * number / count.wanted for number in count.tries()]
    count.spread(partial(try_term, ground), moments)
    count.check()


class Row(NamedTuple):
    """What one life took, and what it left."""

    processor: float
    """Seconds of init and of all that had ended when it was ready."""
    ready: float
    stop: float
    memory: int
    """kB of init."""
    files: int
    """In the home, after it."""


def live_once(ground: Ground) -> Row:
    """Live from start to stop in a home that stays."""
    began = time.monotonic()
    with living(ground, variables=LEAN, before="true") as life:
        life.wait_ready()
        ready = time.monotonic() - began
        processor, memory = find_processor_time(life.pid), life.find_memory()
        began = time.monotonic()
        assert life.stop() == 0, life.tail()
        files = sum(1 for _ in (ground.folder / "home").rglob("*"))
        return Row(processor, ready, time.monotonic() - began, memory, files)


def find_processor_time(pid: int) -> float:
    """Return the seconds of a process and of its children that have ended: proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def live_in_a_row(count: Tally, lives: int) -> list[Row]:
    """Live so many times, one after the other; the very first is left out."""
    with laid_ground() as ground:
        (ground.folder / "home").chmod(0o777)
        live_once(ground)
        rows = []
        for _ in range(lives):
            rows.append(live_once(ground))
            count.count()
        return rows


def test_cycles_do_not_drift(tally: Callable[[int], Tally]) -> None:
    """The last tenth of the lives in a home is as the first; some homes side by side."""
    count = tally(1000)
    each, homes = -(-count.wanted // AT_ONCE), list[list[Row]]()

    def live(lives: int) -> str:
        homes.append(live_in_a_row(count, lives))
        return ""

    whole = Tally(count.name, AT_ONCE)
    whole.spread(live, [each] * AT_ONCE)
    whole.check()
    part = max(1, each // 10)
    first = find_medians(row for rows in homes for row in rows[:part])
    last = find_medians(row for rows in homes for row in rows[-part:])
    print("first", first, "last", last)
    assert last.processor <= first.processor * 1.25 + 0.1, (first, last)
    assert last.ready <= first.ready * 2 + 1, (first, last)
    assert last.stop <= first.stop * 2 + 1, (first, last)
    assert last.memory <= first.memory + GROWTH_ALLOWED_KB, (first, last)
    assert last.files <= first.files, (first, last)


def find_medians(rows: Iterable[Row]) -> Row:
    """Return the median of each column."""
    return Row(*map(statistics.median, zip(*rows, strict=True)))
