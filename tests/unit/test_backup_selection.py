"""Which snapshot is meant by an id, a time, or `latest`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.backup.restic.client import Snapshot
from agent.backup.restore.selection import make_pick, parse_moment, warn_of_future, warn_of_shrunk
from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def make(name: str, time: datetime, tag: str = "devcopilot", host: str = "mine") -> Snapshot:
    return Snapshot(name * 8, time, host, ("/workspace",), (tag,), 1, 1, 1)


FOUND = (
    make("aabb", NOW - timedelta(days=2)),
    make("aacc", NOW - timedelta(hours=1)),
    make("dddd", NOW - timedelta(minutes=1), "safety"),
    make("eeee", NOW - timedelta(seconds=1), host="other"),
    make("ffff", NOW + timedelta(days=1)),
)


def pick(wanted: str) -> str | None:
    found = make_pick(wanted, "mine", NOW)(FOUND)
    return found.id[:4] if found else None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("latest", "aacc"),  # no safety backup, nobody else's, none of the future
        ("aabb", "aabb"),
        ("dd", "dddd"),
        ("ee", "eeee"),
        ("0123", None),
        ("2026-11-24", "aabb"),
        ("2026-11-25T11:30Z", "aacc"),
        ("2026-11-22", None),
    ],
)
def test_the_wanted_one_is_found(wanted: str, found: str | None) -> None:
    assert pick(wanted) == found


def test_an_id_that_begins_several_is_refused() -> None:
    with pytest.raises(AgentError, match="aa begins"):
        pick("aa")


@pytest.mark.parametrize("wanted", ["yesterday", "2026-13-01", "2026-W48", ""])
def test_what_is_neither_is_wrong_use(wanted: str) -> None:
    with pytest.raises(AgentError, match="neither an id nor a time") as caught:
        pick(wanted)
    assert caught.value.exit_code == Exit.USAGE


def test_only_backups_of_the_future_are_better_than_none() -> None:
    found = make_pick("latest", "mine", NOW)(FOUND[-1:])
    assert found == FOUND[-1]


def test_a_day_and_a_minute_mean_their_end() -> None:
    day, minute = parse_moment("2026-11-24"), parse_moment("2026-11-24T18:00")
    assert day
    assert minute
    assert (day.hour, day.minute, minute.minute, minute.second) == (23, 59, 0, 59)


def test_those_of_the_future_are_told() -> None:
    (problem,) = warn_of_future(FOUND, "mine", NOW)
    assert "ffffffff" in problem.message
    assert not list(warn_of_future(FOUND[:4], "mine", NOW))


def test_latest_is_not_one_of_next_to_nothing_if_there_is_another() -> None:
    whole = make("aabb", NOW - timedelta(hours=2))
    empty = replace(make("ccdd", NOW - timedelta(hours=1)), tags=("devcopilot", "shrunk"))
    pick = make_pick("latest", "mine", NOW)
    assert pick([whole, empty]) == whole
    assert pick([empty]) == empty
    assert make_pick("ccdd", "mine", NOW)([whole, empty]) == empty
    assert [item.message for item in warn_of_shrunk([whole, empty], "mine", whole)] == [
        "almost empty: ccddccdd; skipped by `latest`"
    ]
    assert not list(warn_of_shrunk([whole, empty], "mine", empty))
