"""Cron lines and intervals: what is accepted has a next time, whenever it is asked."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from agent.backup.schedule import SKEW, Plan, find_zone
from agent.settings.parsers import Schedule, schedule
from tests.fuzz.properties import fuzz
from tests.fuzz.texts import NO_NUL, VARIABLE

PARTS = st.one_of(
    st.sampled_from(
        (
            "*",
            "*/5",
            "0",
            "59",
            "29",
            "31",
            "2",
            "1-5",
            "FRI",
            "feb",
            "L",
            "1,2",
            "*/0",
            "5-1",
            "60",
            "7",
            "0#5",
            "1#3",
            "@",
        )
    ),
    st.integers(0, 60).map(str),
)
LINES = st.one_of(
    st.lists(PARTS, min_size=5, max_size=5).map(" ".join),
    st.lists(PARTS, max_size=7).map(" ".join),
    st.sampled_from(("30m", "1h", "8784h", "off", "0", "-1", "1e9", "60", "@daily")),
    VARIABLE,
)
ZONES = st.sampled_from(
    ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)).map(
    lambda time: time.replace(tzinfo=UTC)
)


def read(line: str) -> Schedule | None:
    try:
        return schedule(line)
    except ValueError:
        return None


@fuzz(part=0.3, line=LINES, zone=ZONES, last=TIMES, passed=st.integers(-10, 10**7))
def test_what_is_accepted_has_a_next_time(
    line: str, zone: str, last: datetime, passed: int
) -> None:
    found = read(line)
    if found is None:
        return
    plan, now = Plan(found, "workspace", ZoneInfo(zone)), last + timedelta(seconds=passed)
    following = plan.find_next(last, now)
    assert following.tzinfo is not None
    assert following > last or last > now + SKEW
    assert plan.find_next(last, now) == following
    assert plan.find_next(following, following) > following


@fuzz(
    name=st.one_of(
        NO_NUL,
        ZONES,
        st.sampled_from(("CET-1CEST", ":UTC", "../../etc/passwd", "/etc/localtime", ".")),
    )
)
def test_any_zone_is_one(name: str) -> None:
    assert datetime.now(find_zone({"TZ": name}, datetime.now(UTC))).tzinfo
