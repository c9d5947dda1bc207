"""What is kept of the backups of the last weeks."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from agent.backup import history
from agent.backup.create.session import find_day
from agent.backup.create.snapshot import BackupResult
from agent.backup.history import DAYS, Day, add
from agent.backup.restic.client import Snapshot
from agent.machine.errors import Problem
from agent.machine.light.clock import read_time
from tests.worlds.machine import make_facts

FIRST = date(2026, 1, 1)
TRIED = "2026-01-31T12:00:00Z"


SNAPSHOT = Snapshot("a" * 64, read_time(TRIED), "box", (), (), files=10, size=1000, added=200)


def test_backups_of_one_day_are_one_row() -> None:
    days = add([], Day("2026-01-31", 1, 0, 1000, 200, 3.0))
    days = add(days, Day("2026-01-31", 1, 0, 1100, 50, 1.0))
    days = add(days, Day("2026-01-31", failed=1))
    assert days == [Day("2026-01-31", 2, 1, 1100, 250, 1.0)]


def test_only_the_last_days_are_kept_whatever_the_clock_did() -> None:
    days: list[Day] = []
    for number in (*range(3 * DAYS), 5, DAYS):
        days = add(days, Day(str(FIRST + timedelta(days=number)), 1))
    assert len(days) == DAYS
    assert [day.day for day in days] == sorted(day.day for day in days)
    assert days[-1].day == str(FIRST + timedelta(days=3 * DAYS - 1))


def test_each_target_has_its_own(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    history.note(facts, "s3", Day("2026-01-30", 1))
    history.note(facts, "local", Day("2026-01-31", 1))
    assert history.FILE.read(facts) == {
        "s3": [Day("2026-01-30", 1)], "local": [Day("2026-01-31", 1)],
    }  # fmt: skip


def test_a_backup_is_told_as_it_was() -> None:
    made = BackupResult("s3", SNAPSHOT, seconds=2.04)
    assert find_day(made, TRIED) == Day("2026-01-31", 1, 0, 1000, 200, 2.0)
    assert find_day(replace(made, unchanged=True), TRIED).added == 0
    failed = find_day(BackupResult("s3", problem=Problem("no")), TRIED)
    assert failed == Day("2026-01-31", failed=1)
