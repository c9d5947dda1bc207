"""The clock is set forward and back, and the whole container is paused and goes on."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest

from tests.faults.life import Life
from tests.faults.lives import LEAN, SERVICES, Ground, laid_ground, living
from tests.faults.tally import Tally
from tests.pid1.sleeping_clock import SleepingClock
from tests.worlds.waiting import pass_time, wait_until

HOUR, DAY = 3600.0, 86400.0
LATEST = 60.0
"""Seconds until a service comes back: a clock that is an hour back would delay it by an hour."""


def live_with_a_step(step: float) -> str:
    """Set the clock in a life, and again while it stops; return what was wrong."""
    with laid_ground() as ground:
        clock = SleepingClock(ground.folder)
        (ground.folder / "slept").chmod(0o644)
        with living(ground, variables={**LEAN, **clock.environment}) as life:
            life.wait_ready()
            life.wait_calm()
            clock.set(step)
            before, failure = life.find_service("two"), ""
            runs = life.state()["jobs"]["refresh"]["runs"]
            os.kill(before, signal.SIGKILL)
            life.start_job("refresh")
            try:
                wait_until(lambda: life.find_service("two") not in (0, before),
                           f"the service: {life.tail()}", LATEST)  # fmt: skip
                wait_until(lambda: life.state()["jobs"]["refresh"]["runs"] > runs,
                           f"the job: {life.tail()}", LATEST)  # fmt: skip
                life.wait_calm()
                assert abs(find_shift(life) - step) < HOUR / 2, "the clock of the test works"
            except TimeoutError as error:
                failure = str(error)
            os.kill(life.pid, signal.SIGTERM)
            clock.set(step)
            if code := life.box.wait():
                failure += f"; stop: {code}: {life.tail()}"
        clock.close()
        return failure


@pytest.mark.parametrize("step", [HOUR, -HOUR, DAY, -DAY])
def test_the_clock_is_set(tally: Callable[[int], Tally], step: float) -> None:
    """Services come back, jobs run, and the stop takes no longer."""
    count = tally(25)
    count.spread(lambda _: live_with_a_step(step), count.tries())
    count.check()


def find_shift(life: Life) -> float:
    """Return by how many seconds the newest line of the log is ahead of this machine."""
    event = json.loads(life.box.out.splitlines()[-1])
    return datetime.fromisoformat(event["time"]).timestamp() - time.time()


def test_pause_and_thaw(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """All is stopped at once and goes on in any order: nothing has to be started again."""
    count, chance = tally(100), random.Random(3)
    with living(ground, variables=LEAN) as life:
        life.wait_ready()
        life.wait_calm()
        kept = {name: life.find_service(name) for name in SERVICES}
        for _ in count.tries():
            life.start_job(chance.choice(("refresh", "broker", "serve")))
            processes = [life.pid, *life.box.processes()]
            stop_all(processes)
            pass_time(chance.random())
            chance.shuffle(processes)
            continue_all(processes)
            life.wait_calm()
            now = {name: life.find_service(name) for name in SERVICES}
            count.count("" if now == kept else f"{now} is not {kept}: {life.tail()}")
        stop_all([life.pid, *life.box.processes()])
        os.kill(life.pid, signal.SIGTERM)
        continue_all([life.pid, *life.box.processes()])
        assert life.box.wait() == 0, life.tail()
    count.check()


def continue_all(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):  # it had ended before it could be stopped
            os.kill(pid, signal.SIGCONT)


def stop_all(processes: list[int]) -> None:
    for pid in processes:
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            continue
