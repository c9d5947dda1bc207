"""What `status` makes of what init says of itself."""

import time

import pytest

from agent.commands import status


@pytest.mark.parametrize(("ahead", "left"), [(300.0, 300.0), (-5.0, 0.0)])
def test_the_next_run_of_a_job_is_counted_from_now(ahead: float, left: float) -> None:
    """However long ago init wrote it down."""
    row = {"runs": 1, "next_at": time.clock_gettime(time.CLOCK_BOOTTIME) + ahead}
    assert status.describe_job(row) == {"runs": 1, "next_in": pytest.approx(left, abs=10)}


def test_a_job_without_a_plan_has_no_next_run() -> None:
    assert status.describe_job({"runs": 1, "next_at": None}) == {"runs": 1, "next_in": None}
