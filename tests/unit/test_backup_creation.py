"""When a backup is made again at once: packs of git that vanished before they were read."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent.backup.creation import TRIES, Contents, Maker
from agent.follow import Finished, Limits, Message
from agent.restic import Code, Restic, Snapshot, read_time
from agent.system import Clock

PACK = "/w/.git/objects/pack/pack-0123456789abcdef0123456789abcdef01234567.pack"
TIME = read_time("2026-11-28T12:00:00Z")


class Told(Restic):
    """A restic that says what a test has told it to."""

    def __init__(self, *answers: Finished) -> None:
        self.target = SimpleNamespace(name="told")  # type: ignore[assignment]
        self.facts = SimpleNamespace(clock=Clock())  # type: ignore[assignment]
        self.answers = list(answers)
        self.words: list[str] = []

    def run(self, *words: str, **_: Any) -> Finished:
        self.words.append(" ".join(word for word in words if not word.startswith("-")))
        return self.answers.pop(0) if words[0] == "backup" else Finished(Code.OK)

    def snapshots(self, *words: str) -> tuple[Snapshot, ...]:
        return (Snapshot(words[0], TIME, "w", (), (), 1, 1, 1),)


def say(made: str, *errors: Message) -> Finished:
    summary = {"message_type": "summary", "snapshot_id": made}
    return Finished(Code.INCOMPLETE if errors else Code.OK, (*errors, summary))


def vanish(item: str) -> Message:
    cause = f"open {item}: no such file or directory"
    return {"message_type": "error", "item": item, "error": {"message": cause}}


MAKER = Maker("w", Contents((Path("/w"),)), ours=())


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
    assert made.missing == ("/w/.git/objects/pack: its packs were replaced all the time",)


def test_without_time_it_is_made_once() -> None:
    maker = Maker("w", Contents((Path("/w"),)), ours=(), limits=Limits(total=0.0))
    assert maker.make(Told(say("one", vanish(PACK)))).missing
