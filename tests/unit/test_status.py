"""What `status` makes of what init says of itself."""

import os
import time
from datetime import UTC, datetime

import pytest

from agent.observe import status
from agent.observe.status import Job
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until


def describe(next_at: float | None) -> Job:
    row = {"running": False, "runs": 1, "last_exit": 0, "last_started": None, "next_at": next_at}
    return status.describe_job(row)


@pytest.mark.parametrize(("ahead", "left"), [(300.0, 300.0), (-5.0, 0.0)])
def test_the_next_run_of_a_job_is_a_moment_that_does_not_age(ahead: float, left: float) -> None:
    """However long ago init wrote it down, and however late somebody reads it."""
    found = describe(time.clock_gettime(time.CLOCK_BOOTTIME) + ahead).next
    assert found
    due = datetime.strptime(found, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert (due - datetime.now(UTC)).total_seconds() == pytest.approx(left, abs=10)


def test_a_job_without_a_plan_has_no_next_run() -> None:
    assert describe(None).next is None


def find_memory(pid: int) -> float:
    found = status.find_processes(pid)
    return found.rss_mb if found else 0.0


def test_the_agents_own_processes_are_added_up() -> None:
    with Awaited[bytes](["sleep", "60"]) as child:
        try:
            # The kernel counts the pages of a new program only after a moment.
            wait_until(lambda: find_memory(child.pid), "the child's memory")
            found = status.find_processes(os.getpid())
            alone = status.find_processes(child.pid)
        finally:
            child.kill()
    assert found
    assert alone
    assert found.processes >= 2, "others may be there"
    assert alone.processes == 1
    assert found.rss_mb > alone.rss_mb > 0
    assert found.cpu_seconds >= alone.cpu_seconds >= 0
    assert status.find_processes(child.pid) is None, "it has ended"
