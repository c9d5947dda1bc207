"""When a backup is made again at once: packs of git that vanished, and files that were moved."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.backup.create.snapshot import TRIES, BackupMaker, Contents
from agent.backup.restic.client import Code, Restic, Snapshot
from agent.machine.light.clock import Clock, read_time
from agent.machine.programs.follow import Finished, Limits, Message

PACK = "/w/.git/objects/pack/pack-0123456789abcdef0123456789abcdef01234567.pack"
TIME = read_time("2026-11-28T12:00:00Z")
TREE = "0123"


class Told(Restic):
    """A restic that says what a test has told it to."""

    def __init__(self, *answers: Finished) -> None:
        self.target = SimpleNamespace(name="told", folder=None)  # type: ignore[assignment]
        self.facts = SimpleNamespace(clock=Clock())  # type: ignore[assignment]
        self.answers = list(answers)
        self.words: list[str] = []
        self.options: list[tuple[str, ...]] = []

    def run(self, *words: str, **_: Any) -> Finished:
        self.words.append(" ".join(word for word in words if not word.startswith("-")))
        if words[0] != "backup":
            return Finished(Code.OK)
        self.options.append(words)
        return self.answers.pop(0)

    def snapshots(self, *words: str) -> tuple[Snapshot, ...]:
        return (Snapshot(words[0], TIME, "w", (), (), 1, 1, 1, tree=TREE),)


def say(made: str, *errors: Message) -> Finished:
    summary = {"message_type": "summary", "snapshot_id": made}
    return Finished(Code.INCOMPLETE if errors else Code.OK, (*errors, summary))


def vanish(item: str) -> Message:
    cause = f"open {item}: no such file or directory"
    return {"message_type": "error", "item": item, "error": {"message": cause}}


CONTENTS = Contents((Path("/w"),))
MAKER = BackupMaker("w", CONTENTS, ours=())


class Moving:
    """A workspace in which this is moved while restic runs, run by run."""

    def __init__(self, *moved: str) -> None:
        self.moved = list(moved)
        self.copies = 0

    def look_again(self) -> tuple[Path, ...]:
        return (Path(self.moved.pop(0)),) if self.moved else ()

    def make_ready(self) -> Contents:
        self.copies += 1
        return Contents((Path("/w"),), missing=(f"copy {self.copies}",))


def test_a_pack_that_vanished_has_it_made_again() -> None:
    restic = Told(say("one", vanish(PACK)), say("two"))
    made = MAKER.make(restic)
    assert made.snapshot
    assert (made.snapshot.id, made.missing, made.problem) == ("two", (), None)
    assert "forget one" in restic.words, "nobody should restore it"


@pytest.mark.parametrize("name", ["/w/.git/objects/ab/0123", "/w/.git/index.lock", "/w/x.pack"])
def test_other_files_may_vanish(name: str) -> None:
    made = MAKER.make(Told(say("one", vanish(name))))
    assert made.snapshot
    assert (made.snapshot.id, made.missing) == ("one", ())


def test_a_repository_that_never_rests_is_named() -> None:
    made = MAKER.make(Told(*(say(str(number), vanish(PACK)) for number in range(TRIES))))
    assert made.missing == ("/w/.git/objects/pack: its packs kept changing",)


def test_without_time_it_is_made_once() -> None:
    maker = BackupMaker("w", Contents((Path("/w"),)), ours=(), limits=Limits(total=0.0))
    assert maker.make(Told(say("one", vanish(PACK)))).missing


# --- files that are moved meanwhile ---


def test_what_was_moved_is_looked_for_with_fresh_copies() -> None:
    restic, source = Told(say("one"), say("two")), Moving("/w/a/x")
    made = replace(MAKER, source=source).make(restic)
    assert made.snapshot
    assert (made.snapshot.id, made.missing) == ("two", ("copy 1",))
    assert "forget one" in restic.words


def test_a_further_run_always_makes_a_backup() -> None:
    """Else the last one, which had been made before, would be taken for that of now."""
    restic = Told(say(""), say("two"))
    ours = [Snapshot("old", TIME, "w", (), ("devcopilot",), 1, 1, 1)]
    made = replace(MAKER, source=Moving("/w/x"), ours=ours).make(restic)
    assert made.snapshot
    assert (made.snapshot.id, made.unchanged) == ("two", False)
    assert ["--skip-if-unchanged" in words for words in restic.options] == [True, False]


def test_what_is_moved_all_the_time_is_told() -> None:
    restic = Told(*(say(str(number)) for number in range(TRIES)))
    made = replace(MAKER, source=Moving(*["/w/x"] * TRIES)).make(restic)
    assert made.missing[-1] == "/w/x: moved while the backup was made"
    assert sum(words.startswith("forget") for words in restic.words) == TRIES - 1


def test_a_further_run_that_fails_leaves_the_backup_before() -> None:
    made = replace(MAKER, source=Moving("/w/x")).make(Told(say("one"), Finished(Code.LOCKED)))
    assert made.snapshot
    assert made.snapshot.id == "one"
    assert made.missing == ("/w/x: moved while the backup was made",)


# --- a workspace in which every file is read again ---


@pytest.mark.parametrize(
    ("tree", "wishes", "expected"),
    [
        (TREE, {"reread": True}, ("old", True)),
        ("other", {"reread": True}, ("new", False)),
        (TREE, {"reread": True, "always": True}, ("new", False)),
        (TREE, {"reread": True, "tag": "safety"}, ("new", False)),
        (TREE, {"force": True}, ("new", False)),
    ],
)
def test_a_backup_of_the_same_files_is_removed_again(
    tree: str, wishes: Any, expected: tuple[str, bool]
) -> None:
    restic = Told(say("new"))
    ours = [Snapshot("old", TIME, "w", (), ("devcopilot",), 1, 1, 1, tree=tree)]
    made = replace(MAKER, ours=ours, **wishes).make(restic)
    assert made.snapshot
    assert (made.snapshot.id, made.unchanged) == expected
    assert ("forget new" in restic.words) is made.unchanged
    assert "--force" in restic.options[0]
