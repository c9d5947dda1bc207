"""What is judged without a repository: locks, rules, parts of a check, and what is red."""

import errno
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.backup import status
from agent.backup.record import Record, is_over
from agent.backup.restic import locks
from agent.backup.restic.client import Restic
from agent.backup.restic.locks import Judge, Lock
from agent.backup.restic.runs import Run
from agent.backup.schedule import Plan
from agent.backup.target import Target
from agent.backup.upkeep import retention, trial_restore, verification
from agent.commands.backup import verify
from agent.machine.errors import Problem
from agent.machine.light.clock import format_time
from agent.machine.programs.follow import Finished
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
GOOD = Record(tried=format_time(NOW), seen=format_time(NOW), snapshot="a" * 64, size=10**6)


def ago(**span: float) -> str:
    return format_time(NOW - timedelta(**span))


# --- locks --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "minutes", "pid", "dead"),
    [
        ("here", 7, 5, True),
        ("here", 7, 1000, False),  # that restic lives
        ("here", 5, 5, False),  # it may be of another machine with this name
        ("before", 7, 1000, True),  # the number means nothing there
        ("stranger", 29, 5, False),
        ("stranger", 31, 5, True),
        ("here", 31, 1000, True),
        ("stranger", -600, 5, False),  # its clock is wrong, or ours
    ],
)
def test_which_locks_are_dead(host: str, minutes: int, pid: int, dead: bool) -> None:
    judge = Judge(NOW, "here", frozenset({"here", "before"}), lambda number: number == 1000)
    lock = Lock(host, pid, NOW - timedelta(minutes=minutes))
    assert judge.is_dead(lock) == dead
    assert locks.find_alive([lock], judge) == ([] if dead else [lock])


def test_a_lock_is_dead_at_once_if_its_program_is_known_to_be_gone() -> None:
    run = Run("before", 5, NOW.timestamp(), "boot")
    judge = Judge(NOW, "here", frozenset({"here", "before"}), lambda _: False, (run,))
    assert judge.is_dead(Lock("before", 5, NOW))
    for lock in (Lock("before", 6, NOW), Lock("here", 5, NOW), Lock("stranger", 5, NOW),
                 Lock("before", 5, NOW - timedelta(minutes=1))):  # fmt: skip
        assert not judge.is_dead(lock)
    again = replace(judge, hostname="before", runs=lambda _: True)
    assert not again.is_dead(Lock("before", 5, NOW)), "its number is another's now"


def test_hostnames_are_remembered_once_and_not_for_ever(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    old = [f"host-{number}" for number in range(locks.MOST_HOSTNAMES)]
    (facts.state / "backup").mkdir(parents=True)
    locks.HOSTNAMES.path(facts).write_text("\n".join(old) + "\n")
    locks.remember_host(facts)
    locks.remember_host(facts)
    assert locks.HOSTNAMES.read(facts) == [*old[1:], os.uname().nodename]


def test_another_program_with_the_number_is_no_restic() -> None:
    assert not locks.runs_restic(os.getpid())
    assert not locks.runs_restic(2**22 + 1)


# --- what is kept -------------------------------------------------------------------------------


def test_which_rules_hold() -> None:
    def choose(**variables: str) -> dict[str, int]:
        return dict(retention.choose_rules(Settings.from_environ(variables).backup))

    assert choose() == {"last": 3, "hourly": 24, "daily": 7}
    assert choose(BACKUP_RETENTION_DAYS="30") == {"last": 3, "hourly": 24, "daily": 30}
    assert choose(DEV8_BACKUP_KEEP="last=2,weekly=4") == {"last": 2, "weekly": 4}
    assert retention.add_to_rules({"last": 2, "weekly": 4}, 1) == {"last": 3, "weekly": 5}


def test_space_is_freed_rarely_and_never_after_a_failure() -> None:
    week = 7 * 86400.0
    assert retention.is_prune_due(GOOD, week, NOW)
    assert retention.is_prune_due(replace(GOOD, pruned=ago(days=8)), week, NOW)
    assert not retention.is_prune_due(replace(GOOD, pruned=ago(days=6)), week, NOW)
    assert not retention.is_prune_due(GOOD, 0, NOW)
    assert not retention.is_prune_due(replace(GOOD, problem="no space left"), week, NOW)


def test_a_time_of_the_future_is_no_reason_to_wait() -> None:
    assert is_over(ago(days=-400), 3600, NOW)
    assert is_over("nonsense", 3600, NOW)
    assert not is_over(ago(minutes=59), 3600, NOW)


# --- checks -------------------------------------------------------------------------------------


def test_a_check_is_due_only_when_there_is_something() -> None:
    assert verification.is_due(GOOD, 86400, NOW)
    assert not verification.is_due(replace(GOOD, snapshot=""), 86400, NOW)
    assert not verification.is_due(replace(GOOD, verified=ago(hours=23)), 86400, NOW)
    assert not verification.is_due(GOOD, 0, NOW)


@pytest.mark.parametrize(
    ("size", "interval", "parts"),
    [
        (10**6, 86400, 1),  # small: all each time
        (10**9, 86400, 4),
        (20 * 10**9, 86400, 14),  # two weeks
        (100 * 10**9, 86400, 50),  # not more than 2 GB at a time
        (10**13, 86400, 256),
        (10**9, 3600, 4),
        (10**9, 30 * 86400, 1),
        (10**9, 0, 4),
    ],
)
def test_how_much_one_check_reads(size: int, interval: float, parts: int) -> None:
    assert verification.choose_part(replace(GOOD, size=size), interval) == (1, parts)


def test_all_parts_have_their_turn() -> None:
    known = replace(GOOD, size=10**9)
    seen = []
    for _ in range(5):
        part, parts = verification.choose_part(known, 86400)
        seen.append(part)
        known = replace(known, part=part, parts=parts)
    assert seen == [1, 2, 3, 4, 1]
    known = replace(known, part=3, finding="damaged", size=1)
    assert verification.choose_part(known, 86400) == (3, 4)


def test_a_finding_names_what_where_and_the_way_out() -> None:
    error = {"message_type": "error", "message": "\npack abc contains 2 errors: [blob]\n"}
    finished = Finished(1, (error,))
    text = verification.explain_check("s3", {"broken_packs": ["abc", "def"]}, finished)
    assert text.startswith("the repository is damaged: pack abc contains 2 errors: [blob]; to fix")
    assert "devcopilot backup restic --target s3 -- repair packs abc def; " in text
    assert "repair index" in verification.explain_check("s3", {"broken_packs": None}, finished)


def test_what_cannot_be_sampled_is_passed_over() -> None:
    times = {"mtime": "2026-11-25T12:00:00Z", "ctime": "2026-11-25T12:00:00Z"}
    assert trial_restore.read_node({"type": "file", "path": "/a", "size": 3, **times})
    assert trial_restore.read_node({"type": "file", "path": "/a", **times}), (
        "empty ones have no size"
    )
    assert not trial_restore.read_node({"type": "dir", "path": "/a", **times})
    assert not trial_restore.read_node({"type": "file", "path": "/\ufffd", "size": 3, **times})
    assert not trial_restore.read_node({"type": "file", "path": "/a", "size": 10**9, **times})


# --- what is told -------------------------------------------------------------------------------


def describe(known: Record, plan: Plan | None = None, **trouble: Problem) -> status.Row:
    (row,) = status.describe({"s3": known}, [] if trouble else ["s3"], trouble, plan, NOW)
    return row


def test_what_is_red() -> None:
    plan = Plan(1800.0, "w")
    assert not describe(GOOD, plan).red
    assert not describe(Record(), plan).red, "the first one is only to come"
    assert not describe(replace(GOOD, missing=("/a: denied",)), plan).red
    assert not describe(replace(GOOD, tried=ago(hours=23)), plan).red
    assert describe(replace(GOOD, problem="full"), plan).why == "full"
    assert describe(replace(GOOD, finding="damaged"), plan).why == "damaged"
    assert "no backup was attempted since" in describe(replace(GOOD, tried=ago(hours=25)), plan).why
    assert not describe(replace(GOOD, tried=ago(days=25))).red, "none are made by themselves"
    row = describe(GOOD, plan, s3=Problem("cannot back up to s3: no password is set", "make one"))
    assert row.red
    assert row.why == "cannot back up to s3: no password is set (make one)"
    assert row.snapshot == GOOD.snapshot


def test_when_the_next_is_due() -> None:
    row = describe(GOOD, Plan(1800.0, "w"))
    assert "2026-11-25T12:30:00Z" <= row.next <= "2026-11-25T12:33:00Z"
    assert describe(GOOD).next == ""


def test_each_file_is_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    class Many:
        target = type("T", (), {"name": "x"})

        def check(self, *_: object, listener: object = None, **__: object) -> None:
            times = {"mtime": "2026-11-25T12:00:00Z", "ctime": "2026-11-25T12:00:00Z"}
            for number in range(100):
                listener({"type": "file", "path": f"/{number}", "size": 1, **times})  # type: ignore[operator]

    snapshot = type("S", (), {"short": "x", "id": "x"})
    counts = dict.fromkeys(range(100), 0)
    for seed in range(200):
        chance = random.Random(seed)
        nodes = trial_restore.choose_sample(Many(), snapshot, chance)  # type: ignore[arg-type]
        assert len(nodes) == trial_restore.FILES
        for node in nodes:
            counts[int(node.path[1:])] += 1
    assert min(counts.values()) > 15
    assert max(counts.values()) < 70


def test_what_stops_the_check_of_a_destination_is_its_own_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are checked all the same."""

    def find_no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/trial")

    facts = make_facts(tmp_path)
    monkeypatch.setattr(verify, "verify", find_no_room)
    current = Context({}, Settings.from_environ({}), facts)
    row = verify.check(Restic(Target("local", "/backups", {}), facts), current)
    assert row["finding"] is None
    assert str(row["problem"]).startswith("cannot check local: /tmp/trial: No space left on device")
