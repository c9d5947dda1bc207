"""Sizes, durations and moments as people read them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from agent.machine.light import human


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1234, "1.2 kB"), (123456, "123 kB"), (5e9, "5.0 GB"),
     (2e15, "2000.0 TB")],
)  # fmt: skip
def test_sizes(size: float, text: str) -> None:
    assert human.format_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (4.6, "5 s"), (89, "89 s"), (90, "2 min"), (89.4 * 60, "89 min"),
     (90 * 60, "1 h 30 min"), (23.9 * 3600, "23 h 54 min"), (86398, "1 d 0 h"), (86400, "1 d 0 h"),
     (76.5 * 3600, "3 d 4 h")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert human.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [(-3600, "in the future: was the clock wrong?"), (-30, "just now"), (59, "just now"),
     (90, "2 min ago"), (3 * 3600, "3 h ago"), (50 * 3600, "2 d ago")],
)  # fmt: skip
def test_ages(ago: float, text: str) -> None:
    assert human.format_age(datetime.now(UTC) - timedelta(seconds=ago)) == text


def test_a_moment_of_another_day_has_its_date() -> None:
    now = time.mktime((2026, 11, 24, 23, 30, 0, 0, 0, -1))
    zone = time.strftime("%Z", time.localtime(now))
    assert human.format_clock(now + 1200, now) == f"23:50 {zone}"
    assert human.format_clock(now + 2400, now) == f"2026-11-25 00:10 {zone}"
    assert human.format_clock(now + 86400, now) == f"2026-11-25 23:30 {zone}"


def test_waits() -> None:
    now = datetime.now(UTC)
    assert human.format_wait(now) == "now"
    assert human.format_wait(now + timedelta(hours=3, minutes=5, seconds=5)) == "in 3 h 5 min"
