"""A disk that is full, has no inodes, or turns read-only: the runtime folder's and the home's."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.faults import breaking
from tests.faults.life import Life
from tests.faults.lives import laid_ground, living
from tests.faults.tally import Tally
from tests.worlds.waiting import wait_until

BREAK = {
    "full": breaking.fill,
    "no inodes": breaking.fill_inodes,
    "read-only": breaking.make_read_only,
}
MEND = {
    "full": breaking.make_room,
    "no inodes": breaking.make_room,
    "read-only": breaking.make_writable,
}
JOBS = ("refresh", "broker", "serve", "setup", "idle")


def disturb(life: Life, service: str) -> None:
    """Have everything happen that writes: jobs, a service that comes back, a new log process."""
    before = life.find_service(service)
    os.kill(before, signal.SIGKILL)
    for name in JOBS:
        life.start_job(name)
    with suppress(ProcessLookupError):
        os.kill(life.box.find("agent.init.logger") or 0, signal.SIGKILL)
    wait_until(
        lambda: life.find_service(service) not in (0, before),
        f"the return of {service}: {life.tail()}", 30,
    )  # fmt: skip
    wait_until(lambda: life.box.find("agent.init.logger"), f"the log process: {life.tail()}", 30)


def break_and_mend(fault: str, disk: str) -> str:
    """Live once with a disk that breaks twice; return what was wrong."""
    with laid_ground() as ground, living(ground) as life:
        life.wait_ready()
        life.wait_calm()
        BREAK[fault](life, disk)
        failure = ""
        try:
            disturb(life, "two")
            MEND[fault](life, disk)
            life.wait_calm()
            BREAK[fault](life, disk)
            disturb(life, "three")
        except TimeoutError as error:
            failure = str(error)
        code = life.stop()
        said = life.box.out + life.box.err
        if code or "Traceback" in said or "internal error" in said:
            failure += f"; stop: {code}: {life.tail()}"
        return failure


@pytest.mark.parametrize("disk", ["disk", "home"])
@pytest.mark.parametrize("fault", BREAK)
def test_a_broken_disk(tally: Callable[[int], Tally], disk: str, fault: str) -> None:
    """Services come back meanwhile, all is well once it is mended, and it may stop while broken."""
    count = tally(15)
    count.spread(lambda _: break_and_mend(fault, disk), count.tries())
    count.check()
