"""A container is paused by the kernel's freezer, as `docker pause` does, and goes on later."""

import random
import subprocess
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.faults.tally import Tally
from tests.worlds.containers import DOCKER, HARDENED, MVP, Container, Recipe, docker, running
from tests.worlds.waiting import pass_time, wait_until

LONGEST = 3.0
"""Seconds of a pause."""


def find_services(box: Container) -> dict[str, tuple[object, object]]:
    """Return the state and the process of each service."""
    return {row["name"]: (row["state"], row["pid"]) for row in box.status()["services"]}


@pytest.mark.image
def test_freeze_and_thaw(tally: Callable[[int], Tally]) -> None:
    """Nothing has to be started again, health and status answer, and the stop is as always."""
    count, chance = tally(100), random.Random(7)
    with running(Recipe(MVP, HARDENED)) as box:
        box.wait_ready()
        wait_until(lambda: {state for state, _ in find_services(box).values()} == {"RUNNING"},
                   "answers of all services")  # fmt: skip
        before = find_services(box)
        for _ in count.tries():
            docker("kill", "--signal", "USR1", box.name)  # have a job run meanwhile
            with box.paused():
                pass_time(chance.random() * LONGEST)
            well = box.call("devcopilot", "health").returncode == 0
            now = find_services(box)
            count.count("" if well and now == before else f"{well=} {now=}: {box.logs()[-2000:]}")
        box.pause()
        stopping = subprocess.Popen([DOCKER, "stop", box.name], stdout=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            stopping.wait(1)
        with suppress(subprocess.CalledProcessError):  # `stop` may have thawed it
            docker("unpause", box.name)
        assert stopping.wait(60) == 0
        assert box.inspect("{{.State.ExitCode}}") == "0"
    count.check()
