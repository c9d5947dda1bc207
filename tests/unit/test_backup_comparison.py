"""The record of a workspace compared with what a target holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.backup import record, workspace_id
from agent.backup.create import comparison
from agent.backup.create.comparison import Comparison, compare, find_newest
from agent.backup.create.snapshot import SHRUNK, TAG
from agent.backup.record import Record
from agent.backup.restic.client import Listing, Snapshot
from agent.backup.target import Target
from agent.backup.upkeep import retention
from agent.machine.light import runtime
from agent.machine.light.clock import format_time
from tests.worlds.machine import make_facts

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINE, OTHER = f"{workspace_id.PREFIX}{'a' * 16}", f"{workspace_id.PREFIX}{'b' * 16}"


def make(number: int, *tags: str, hours: float = 1, files: int = 300) -> Snapshot:
    time = NOW - timedelta(hours=hours)
    return Snapshot(f"{number:064x}", time, "w", ("/w",), (TAG, *tags), files, files * 1000, 1)


def look(known: Record, *found: Snapshot, mark: str = MINE) -> Comparison:
    return compare(Listing(found), known, "s3", TAG, mark, NOW)


def known_as(snapshot: Snapshot, **more: str) -> Record:
    return replace(Record(snapshot=snapshot.id, made=format_time(snapshot.time)), **more)  # type: ignore[arg-type]


def test_the_successor_of_a_lost_container_is_asked_first() -> None:
    before, newest = make(1, OTHER, hours=3), make(2, OTHER, hours=2)
    found = look(Record(), before, newest)
    assert found.is_new
    assert found.refusal
    assert "this workspace is new; the newest backup on s3 is 00000000" in found.refusal.message
    assert "restore" in found.refusal.hint
    assert "backup create" in found.refusal.hint
    assert look(Record(), newest, mark="").refusal, "it has made none, and has no id yet"
    old = make(3)
    assert look(Record(), old).refusal, "made before there were ids"


def test_who_was_accepted_or_has_made_some_goes_on() -> None:
    newest = make(2, OTHER, hours=2)
    assert look(Record(accepted=format_time(NOW)), newest).refusal is None
    assert look(Record(), newest, make(3, MINE)).refusal is None, "only the record is gone"
    assert look(Record()).refusal is None, "the first of all"
    assert look(known_as(newest), newest).refusal is None


def test_a_repository_that_is_gone_is_not_made_anew() -> None:
    gone = compare(None, known_as(make(1, MINE)), "local", TAG, MINE, NOW)
    assert gone.refusal
    assert "check that its volume is mounted" in gone.refusal.hint
    assert "--anew --target local" in gone.refusal.hint
    assert compare(None, Record(), "local", TAG, MINE, NOW).refusal is None


def test_a_newest_backup_that_was_removed_is_noticed() -> None:
    first, second = make(1, MINE, hours=3), make(2, MINE, hours=2)
    assert look(known_as(second), first, second).lost == ""
    lost = look(known_as(second), first).lost
    assert f"the backup {second.short} of" in lost
    assert f"the newest one there is {first.short}" in lost
    assert "lists no backups any more" in look(known_as(second)).lost


def test_one_that_a_repair_replaced_is_not_gone() -> None:
    before = make(1, MINE)
    assert look(known_as(before), replace(make(2, MINE), original=before.id)).lost == ""


def test_another_workspace_of_the_name_is_a_warning() -> None:
    mine = make(1, MINE, hours=3)
    found = look(known_as(mine), mine, make(2, OTHER, hours=2))
    assert "another workspace of this name also backs up to s3" in found.rival
    assert found.refusal is None
    assert found.ours == (mine,)
    assert look(known_as(mine), make(2, OTHER, hours=4), mine).rival == ""


def test_what_was_accepted_is_ours_and_later_ones_of_others_are_not() -> None:
    known = Record(accepted=format_time(NOW - timedelta(hours=2)))
    assert comparison.is_ours(make(1, OTHER, hours=3), MINE, known)
    assert not comparison.is_ours(make(1, OTHER, hours=1), MINE, known)
    assert comparison.is_ours(make(1), MINE, known)


def test_the_future_is_never_the_newest() -> None:
    past, future = make(1, hours=5), make(2, hours=-500)
    assert find_newest([past, future], NOW) == past
    assert find_newest([future], NOW) == future
    assert find_newest([], NOW) is None


def test_the_parent_is_one_of_the_same_kind() -> None:
    whole, little = make(1, MINE, hours=3), make(2, MINE, SHRUNK, hours=2)
    ours = (whole, little)
    assert comparison.choose_parent(ours, (MINE,), (TAG,), NOW) == whole
    assert comparison.choose_parent(ours, (MINE, SHRUNK), (TAG,), NOW) == little
    assert comparison.choose_parent((make(3),), (MINE,), (TAG,), NOW) == make(3), (
        "of an old version"
    )
    assert comparison.choose_parent((), (MINE,), (TAG,), NOW) is None


def test_nothing_is_forgotten_until_a_person_has_looked() -> None:
    newest = make(1, MINE)
    good = known_as(newest)
    assert retention.find_pause(good, newest) == ""
    assert retention.find_pause(replace(good, lost="gone"), newest) == "gone"
    assert retention.find_pause(replace(good, finding="damaged"), newest) == "damaged"
    assert retention.find_pause(replace(good, shrunk="little"), newest) == "little"
    assert retention.find_pause(replace(good, unmounted="missing"), newest) == "missing"
    assert "almost empty" in retention.find_pause(good, make(1, MINE, SHRUNK))


def test_a_damaged_snapshot_is_named_with_its_file() -> None:
    name = "c" * 64
    here = comparison.explain_damage(Target("local", "/b/w", folder=Path("/b/w")), name)
    assert f"rm -f /b/w/snapshots/{name}; devcopilot backup create --anew" in here
    there = comparison.explain_damage(Target("s3", "s3:https://x/b/w"), name)
    assert f"remove s3:https://x/b/w/snapshots/{name} from the storage" in there


# --- the id -------------------------------------------------------------------------------------


def test_a_workspace_keeps_its_id(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    assert workspace_id.read_mark(facts) == ""
    mark = workspace_id.find_mark(facts)
    assert workspace_id.find_mark(facts) == workspace_id.read_mark(facts) == mark
    assert workspace_id.find_marks(make(1, mark)) == {mark}
    assert (facts.state / workspace_id.FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff", b"workspace-", b"x" * 5000])
def test_a_damaged_id_is_made_anew(tmp_path: Path, content: bytes) -> None:
    facts = make_facts(tmp_path)
    workspace_id.find_mark(facts)
    (facts.state / workspace_id.FILE).write_bytes(content)
    assert workspace_id.read_mark(facts) == ""
    assert len(workspace_id.find_mark(facts)) == len(MINE)


def test_a_state_folder_that_takes_nothing_is_not_the_end(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    facts.state.parent.mkdir(parents=True, exist_ok=True)
    facts.state.write_text("no folder")
    mark = workspace_id.find_mark(facts)
    assert workspace_id.find_mark(facts) == mark
    record.note(facts, "local", snapshot="abc")
    assert record.read(facts, "local").snapshot == "abc"
    assert (facts.runtime / runtime.SPARE).is_dir()


def test_to_accept_gives_up_what_is_gone(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    record.note(facts, "local", snapshot="abc", lost="gone", usual_files=100)
    comparison.accept(facts, "local")
    known = record.read(facts, "local")
    assert (known.snapshot, known.lost, known.usual_files) == ("", "", 0)
    assert known.accepted
