"""When a backup is due, and how a schedule is read."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.backup import schedule
from agent.backup.schedule import MOST_JITTER, SKEW, Plan, find_plan, find_zone
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.settings.parsers import LONGEST_DURATION
from agent.settings.parsers import schedule as read

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def run_all(plan: Plan, begin: datetime, end: datetime) -> list[datetime]:
    """Return when backups are made by somebody who looks at every minute."""
    made, last, now = [], begin, begin
    while now < end:
        if plan.is_due(last, now):
            made.append(now)
            last = now
        now += timedelta(minutes=1)
    return made


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MOST_JITTER", timedelta(0))


@pytest.mark.parametrize("when", [1800.0, "0 3 * * *"])
def test_the_first_one_is_due_at_once(when: float | str) -> None:
    assert Plan(when, "w").find_next(None, NOW) == NOW
    assert Plan(when, "w").is_due(None, NOW)


@pytest.mark.parametrize("when", [1800.0, "*/30 * * * *"])
def test_missed_ones_are_made_up_once(when: float | str) -> None:
    plan = Plan(when, "w")
    assert plan.is_due(NOW - 30 * HOUR, NOW)
    assert not plan.is_due(NOW, NOW)
    assert plan.find_next(NOW, NOW) > NOW + timedelta(minutes=29)


def test_an_interval_counts_from_the_last_try() -> None:
    plan = Plan(1800.0, "w")
    found = plan.find_next(NOW - timedelta(minutes=10), NOW)
    assert found == NOW + timedelta(minutes=20) + plan.find_jitter(timedelta(minutes=30))


def test_jitter_is_a_stable_share_that_differs_between_workspaces() -> None:
    jitters = [Plan(1800.0, f"w{n}").find_jitter(timedelta(minutes=30)) for n in range(200)]
    assert jitters == [Plan(1800.0, f"w{n}").find_jitter(timedelta(minutes=30)) for n in range(200)]
    assert timedelta(0) <= min(jitters) < timedelta(seconds=20)
    assert timedelta(seconds=160) < max(jitters) < timedelta(minutes=3)
    assert max(Plan(1.0, f"w{n}").find_jitter(timedelta(days=9)) for n in range(99)) < MOST_JITTER


@pytest.mark.parametrize("line", ["* * * * *", "*/2 * * * *", "0 * * * *", "0 3 * * *"])
def test_a_cron_line_misses_none_however_late_its_workspace_is(line: str) -> None:
    pause = {"* * * * *": 1, "*/2 * * * *": 2, "0 * * * *": 60}.get(line, 24 * 60)
    for name in map(str, range(20)):
        plan, last = Plan(line, name), NOW
        for _ in range(5):
            found = plan.find_next(last, last)
            planned = found - plan.find_jitter(timedelta(minutes=pause))
            assert planned.second == 0
            assert last < planned <= last + timedelta(minutes=pause)
            last = found


def test_a_cron_line_goes_by_the_hours_of_its_zone(no_jitter: None) -> None:
    found = Plan("0 3 * * *", "w", BERLIN).find_next(at("2026-07-01T12:00+00:00"), NOW)
    assert found == at("2026-07-02T03:00+02:00")


# Berlin's clocks go from 2:00 to 3:00 on 29 March, and from 3:00 to 2:00 on 25 October.
@pytest.mark.parametrize(
    ("line", "day", "hours"),
    [
        ("30 2 * * *", "2026-03-29", ["03:00+02:00"]),
        ("30 2 * * *", "2026-10-25", ["02:30+02:00"]),
        ("0 1-3 * * *", "2026-03-29", ["01:00+01:00", "03:00+02:00"]),
        ("0 1-3 * * *", "2026-10-25", ["01:00+02:00", "02:00+02:00", "03:00+01:00"]),
        ("30 */1 * * *", "2026-03-29", ["00:30+01:00", "01:30+01:00", "03:30+02:00"]),
        (
            "30 * * * *",
            "2026-10-25",
            ["00:30+02:00", "01:30+02:00", "02:30+02:00", "02:30+01:00", "03:30+01:00"],
        ),
    ],
)
def test_the_days_when_clocks_change(
    no_jitter: None, line: str, day: str, hours: list[str]
) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=BERLIN)
    end = begin.replace(hour=4)
    made = run_all(Plan(line, "w", BERLIN), begin.astimezone(UTC), end.astimezone(UTC))
    assert made == [at(f"{day}T{hour}") for hour in hours]


@pytest.mark.parametrize("line", ["30 2 * * *", "30 2,3 * * *", "*/7 * * * *", "0 */6 * * *"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_the_next_one_always_lies_ahead(no_jitter: None, line: str, day: str) -> None:
    plan, begin = Plan(line, "w", BERLIN), at(f"{day}T00:00+00:00")
    for minute in range(-120, 240):
        last = begin + timedelta(minutes=minute)
        assert plan.find_next(last, last) > last


@pytest.mark.parametrize("when", [1800.0, "0 3 * * *"])
def test_a_last_one_from_a_wrong_clock_counts_for_nothing(when: float | str) -> None:
    plan = Plan(when, "w")
    assert plan.is_due(NOW + timedelta(days=400), NOW)
    assert not plan.is_due(NOW + SKEW, NOW)


@pytest.mark.parametrize("seconds", [60.0, LONGEST_DURATION])
def test_the_shortest_and_the_longest_interval(seconds: float) -> None:
    assert Plan(seconds, "w").find_next(NOW, NOW) >= NOW + timedelta(seconds=seconds)


# --- the zone ---


@pytest.fixture
def libc() -> Iterator[None]:
    """Have time.tzset called for the test's TZ and for the old one."""
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None)
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize("name", ["Europe/Berlin", ":Europe/Berlin"])
def test_the_zone_of_tz(name: str) -> None:
    assert find_zone({"TZ": name}, NOW) == BERLIN


def test_the_zone_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zones = [Path("/usr/share/zoneinfo/Asia/Kolkata")]
    if not zones[0].exists():
        pytest.skip("no zones here")
    (tmp_path / "localtime").symlink_to(zones[0])
    monkeypatch.setattr(schedule, "LOCAL_TIME", tmp_path / "localtime")
    for environ in ({}, {"TZ": ""}):
        assert find_zone(environ, NOW).utcoffset(NOW) == timedelta(hours=5, minutes=30)


@pytest.mark.parametrize("name", ["XYZ-4", "Europe", "/etc/passwd", "No/Where", "../x"])
def test_what_names_no_zone_is_as_the_clock_on_the_wall(libc: None, name: str) -> None:
    os.environ["TZ"] = name
    time.tzset()
    found = find_zone({"TZ": name}, NOW)
    assert isinstance(found, timezone)
    hours = 4 if name == "XYZ-4" else 0
    assert found.utcoffset(NOW) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("given", "hour"),
    [("0 3 * * *", 3), ("30m", None), ("off", None)],
    ids=["cron", "pause", "off"],
)
def test_the_plan_has_the_zone_of_the_container(
    tmp_path: Path, given: str, hour: int | None
) -> None:
    facts = Facts(tmp_path, os.getuid(), tmp_path, tmp_path, {"TZ": "Asia/Kolkata"})
    plan = find_plan(Settings.from_environ({"DEV8_BACKUP_SCHEDULE": given}), facts)
    assert (plan is None) == (given == "off")
    if plan and hour:
        pause = timedelta(days=1)
        found = plan.find_next(NOW, NOW) - plan.find_jitter(pause)
        assert found == at("2026-11-26T03:00+05:30")


# --- the text ---


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", None),
        ("OFF", None),
        ("0", None),
        ("30m", 1800.0),
        ("1m", 60.0),
        ("90", 90.0),
        ("8784h", LONGEST_DURATION),
        ("0 3 * * *", "0 3 * * *"),
        (" */15  8-18 * * mon-fri ", "*/15 8-18 * * mon-fri"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 * * 5#1", "0 0 * * 5#1"),
    ],
)
def test_a_schedule_is_read(text: str, value: float | str | None) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an interval from 1m"),
        ("59s", "an interval from 1m"),
        ("999999999h", "an interval from 1m"),
        ("daily", "or off"),
        ("0 3 * *", "five fields"),
        ("0 0 3 * * *", "five fields"),
        ("60 3 * * *", "its minute is invalid"),
        ("0 24 * * *", "its hour is invalid"),
        ("0 3 * * 8", "its day-of-week is invalid"),
        ("0 0 31 2,4 *", "its day-of-month is invalid"),
        ("0 0 29 2 1#5x", "its day-of-week is invalid"),
        ("0 0 */31 2 1#5", "this one never matches"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_it_should_be(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(text)


def test_only_a_cron_line_loads_what_reads_it() -> None:
    script = (
        "import sys; from agent.settings.parsers import schedule; schedule(sys.argv[1]);"
        "print('cronsim' in sys.modules)"
    )
    for value, loaded in (("30m", "False"), ("off", "False"), ("0 3 * * *", "True")):
        argv = [sys.executable, "-c", script, value]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == loaded
