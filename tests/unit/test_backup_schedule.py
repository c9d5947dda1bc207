"""When a backup is due."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from agent.backup.schedule import MOST_JITTER, Plan
from agent.texts import schedule

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def zone() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_the_first_one_is_due_at_once() -> None:
    for when in (1800.0, "0 3 * * *"):
        assert Plan(when, "w").find_next(None, NOW) == NOW


def test_an_interval_counts_from_the_last_try_and_a_little_more() -> None:
    last = NOW - timedelta(minutes=10)
    found = Plan(1800.0, "w").find_next(last, NOW)
    assert timedelta() <= found - (last + timedelta(minutes=30)) <= timedelta(minutes=3)


def test_what_was_missed_is_due_once() -> None:
    plan = Plan(1800.0, "w")
    assert plan.find_next(NOW - timedelta(days=3), NOW) < NOW
    assert plan.find_next(NOW, NOW) > NOW
    cron = Plan("0 3 * * *", "w")
    assert cron.find_next(NOW - timedelta(days=3), NOW) < NOW
    assert cron.find_next(NOW, NOW) > NOW


def test_a_try_in_the_future_was_a_wrong_clock() -> None:
    found = Plan(1800.0, "w").find_next(NOW + timedelta(days=900), NOW)
    assert found <= NOW + timedelta(minutes=33)


def test_a_cron_line_is_of_the_local_time(zone: None) -> None:
    found = Plan("30 3 * * *", "w").find_next(NOW, NOW)
    assert found - found_jitter(found, 2, 30) == datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def found_jitter(found: datetime, hour: int, minute: int) -> timedelta:
    jitter = found - found.replace(hour=hour, minute=minute, second=0, microsecond=0)
    assert timedelta() <= jitter <= MOST_JITTER
    return jitter


@pytest.mark.parametrize(("last", "day", "hour"), [
    (datetime(2026, 3, 28, 12, tzinfo=UTC), 29, 0),  # 02:30 does not exist
    (datetime(2026, 10, 24, 12, tzinfo=UTC), 25, 0),  # 02:30 comes twice: the first counts
])  # fmt: skip
def test_the_days_on_which_the_clock_is_changed(
    zone: None, last: datetime, day: int, hour: int
) -> None:
    found = Plan("30 2 * * *", "w").find_next(last, last)
    assert (found.day, found.hour) == (day, hour)
    found_jitter(found, hour, 30)
    assert Plan("30 2 * * *", "w").find_next(found, found) > found + timedelta(hours=20)


def test_workspaces_differ_and_each_stays_the_same() -> None:
    found = [Plan(1800.0, f"w{n}").find_next(NOW, NOW) for n in range(20)]
    assert len(set(found)) > 15
    assert found[3] == Plan(1800.0, "w3").find_next(NOW, NOW)


@pytest.mark.parametrize(("text", "value"), [
    ("30m", 1800.0), ("1h30m", 5400.0), ("90", 90.0), ("0 3 * * *", "0 3 * * *"),
    ("*/15 8-18 * * mon-fri", "*/15 8-18 * * mon-fri"),
    ("off", None), ("OFF", None), ("0", None), ("0s", None), ("-1m", None),
])  # fmt: skip
def test_texts(text: str, value: object) -> None:
    assert schedule(text) == value


@pytest.mark.parametrize(
    "text", ["soon", "30s", "60 * * * *", "* * *", "0 0 30 2 *", "1 2 3 4 5 6"]
)
def test_wrong_texts(text: str) -> None:
    with pytest.raises(ValueError, match="cron line"):
        schedule(text)
