"""The reader of the log is slow, or gone, while a service writes 100 MB: nobody waits for it."""

import os
import time
from collections.abc import Callable

import pytest

from tests.faults.lives import LEAN, Ground, add_service, living
from tests.faults.tally import Tally
from tests.worlds.waiting import wait_until

MEGABYTES = 100
LONGEST_PAUSE = 30.0
"""Seconds between two lines of another service: one that waits for the reader waits to the end."""
DEADLINE = 120.0


@pytest.mark.parametrize("reader", ["slow", "gone"])
def test_much_is_written(ground: Ground, tally: Callable[[int], Tally], reader: str) -> None:
    count = tally(10)
    done, ticks = ground.folder / "home/user/done", ground.folder / "home/user/ticks"
    line = "x" * 99
    writing = f"yes {line} | head -c {MEGABYTES}000000; touch {done}; exec sleep 100000"
    add_service(ground.folder, "writer", writing)
    ticking = f"while :; do echo tick; echo >> {ticks}; sleep 0.05; done"
    add_service(ground.folder, "ticker", ticking)
    for _ in count.tries():
        theirs, ours = os.pipe()
        if reader == "gone":
            os.close(theirs)
        with living(ground, variables=LEAN, out=ours) as life:
            os.close(ours)
            root = f"/proc/{life.pid}/root"
            wait_until(lambda root=root: os.path.exists(f"{root}{ticks}"), "the ticker")  # type: ignore[misc]  # noqa: PTH110
            longest, size, moved = 0.0, 0, time.monotonic()
            end = time.monotonic() + DEADLINE
            while not os.path.exists(f"{root}{done}") and time.monotonic() < end:  # noqa: PTH110
                if (now := os.stat(f"{root}{ticks}").st_size) != size:  # noqa: PTH116
                    size, moved = now, time.monotonic()
                longest = max(longest, time.monotonic() - moved)
            finished = os.path.exists(f"{root}{done}")  # noqa: PTH110
            code = life.stop()
        if reader == "slow":
            os.close(theirs)
        bad = not finished or longest > LONGEST_PAUSE or code
        count.count(f"{finished=} {longest=} {code=}" if bad else "")
    count.check()
