"""Times: written in one form, and read as others write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from agent.machine.light import clock

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1700000000.9996, "2023-11-14T22:13:20.999Z"),
        (-0.5, "1969-12-31T23:59:59.500Z"),
    ],
)
def test_a_time_is_rfc_3339_in_utc(seconds: float, text: str) -> None:
    assert clock.timestamp(seconds) == text
    assert clock.timestamp(seconds, digits=0) == text[:19] + "Z"


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    there = NOON.replace(microsecond=999_999).astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert clock.format_time(there) == "2026-11-25T12:00:00Z"
    assert clock.read_time("2026-11-25T17:30:00+05:30") == NOON
    assert clock.read_time("2026-11-25T17:30:00+05:30").tzinfo is UTC


@pytest.mark.parametrize("text", ["2026-11-25T12:00:00", "", "noon", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time(text: str) -> None:
    assert clock.parse_time(text) is None
    with pytest.raises(ValueError, match=r"."):
        clock.read_time(text)


def test_a_time_without_a_zone_is_of_the_zone_that_is_meant() -> None:
    assert clock.parse_time("2026-11-25T12:00:00", UTC) == NOON


def test_times_of_go_to_the_nanosecond() -> None:
    read = clock.read_nanoseconds
    assert read("2026-11-25T12:00:00.06408675Z") == int(NOON.timestamp()) * 10**9 + 64086750
    assert read("2026-11-25T13:00:00+01:00") == int(NOON.timestamp()) * 10**9
    assert read("1969-12-31T23:59:59.5Z") == -500_000_000
    with pytest.raises(ValueError, match="not a time"):
        read("2026-11-25T12:00:00.1234567891Z")


def test_times_of_go_to_the_microsecond() -> None:
    time = clock.read_time("2026-11-25T13:00:00.123456789+01:00")
    assert time == NOON + timedelta(microseconds=123456)
