"""What `status` makes of what init says of itself."""

import time
from datetime import UTC, datetime

import pytest

from agent.commands import status


def find_left(row: dict[str, object]) -> float:
    due = datetime.strptime(str(row["next"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (due - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize(("ahead", "left"), [(300.0, 300.0), (-5.0, 0.0)])
def test_the_next_run_of_a_job_is_a_moment_that_does_not_age(ahead: float, left: float) -> None:
    """However long ago init wrote it down, and however late somebody reads it."""
    row = {"runs": 1, "next_at": time.clock_gettime(time.CLOCK_BOOTTIME) + ahead}
    found = status.describe_job(row)
    assert find_left(found) == pytest.approx(left, abs=10)
    assert found.keys() == {"runs", "next"}


def test_a_job_without_a_plan_has_no_next_run() -> None:
    assert status.describe_job({"runs": 1, "next_at": None}) == {"runs": 1, "next": None}
