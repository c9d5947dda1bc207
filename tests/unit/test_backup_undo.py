"""The way back from a restore: it stays the same until the restore has come to its end."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backup import undo
from agent.backup.undo import RESTORE, UNDO, Undo
from agent.machine.errors import AgentError
from agent.machine.system import Facts, System
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def note(source: str, safety: str, kind: str = RESTORE, path: str = "/w") -> Undo:
    return Undo(safety, "local", (path,), source, "2026-01-01T00:00:00Z", kind=kind, wanted=(path,))


def test_what_goes_on_leads_back_to_where_it_began(facts: Facts) -> None:
    undo.begin(facts, note("old", "before"))
    again = undo.begin(facts, note("old", "half"))
    assert (again.goal, again.also) == ("before", ("half",))
    other = undo.begin(facts, note("older", "half2", path="/"))
    assert (other.goal, other.paths) == ("before", ("/",))
    assert undo.find_needed(facts) == {"before", "older", "half", "half2"}
    undo.write(facts, replace(other, finished=True))
    assert undo.find_needed(facts) == {"before"}
    assert undo.find_unfinished(facts) is None
    assert undo.begin(facts, note("old", "later")).goal == "later"


def test_an_undo_goes_on_to_where_it_went(facts: Facts) -> None:
    undo.begin(facts, note("old", "before"))
    first = undo.begin(facts, note("before", "half", UNDO))
    assert first.goal == "before"
    again = undo.begin(facts, note("before", "half2", UNDO))
    assert again.goal == "before"
    assert undo.find_needed(facts) == {"before", "half", "half2"}
    done = replace(again, finished=True)
    undo.write(facts, done)
    assert done.goal == "half"


def test_nothing_else_is_begun_meanwhile(facts: Facts) -> None:
    undo.check_goes_on(facts, [Path("/w/a")])
    undo.begin(facts, note("0123456789", "abcdefghij", path="/w/sub dir"))
    undo.check_goes_on(facts, [Path("/w/sub dir")])
    undo.check_goes_on(facts, [Path("/w"), Path("/home")])
    with pytest.raises(AgentError) as caught:
        undo.check_goes_on(facts, [Path("/w/sub dir/a"), Path("/home")])
    said = str(caught.value)
    assert "`devcopilot backup restore 01234567 --path '/w/sub dir'` finishes it" in said
    assert "restores the previous state, abcdefgh" in said


def test_what_goes_on_keeps_its_target_and_all_paths(facts: Facts) -> None:
    undo.begin(facts, note("old", "before", path="/w/a"))
    again = undo.begin(facts, replace(note("older", "half", path="/w/b"), target="s3"))
    assert (again.target, again.safety) == ("local", "before")
    assert again.paths == ("/w/a", "/w/b")


def test_what_was_asked_for_finishes_it_although_more_was_missing(facts: Facts) -> None:
    undo.begin(facts, replace(note("old", "before", path="/w/new"), wanted=("/w/new/dir",)))
    undo.check_goes_on(facts, [Path("/w/new/dir")])
    with pytest.raises(AgentError):
        undo.check_goes_on(facts, [Path("/w/new/other")])


def test_without_a_wish_all_that_it_changed_is_to_be_finished(facts: Facts) -> None:
    undo.begin(facts, replace(note("old", "before"), wanted=()))
    undo.check_goes_on(facts, [Path("/w")])
    with pytest.raises(AgentError):
        undo.check_goes_on(facts, [Path("/w/a")])


@pytest.mark.parametrize(("number", "hint"), [(errno.ENOSPC, "make room there"), (errno.EIO, "")])
def test_without_a_way_back_nothing_begins(
    facts: Facts, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(System, "write_file", refuse)
    with pytest.raises(AgentError) as caught:
        undo.begin(facts, note("old", "before"))
    (problem,) = caught.value.problems
    assert problem.message == f"cannot write {undo.FILE.path(facts)}: {os.strerror(number)}"
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (("/w",), " --path /w"),
        (("/h/.config/git", "/h/.config/nvim"), " --path /h/.config"),
        (("/h/.bashrc", "/w"), ""),
        ((), ""),
    ],
)
def test_it_is_finished_without_restoring_more(wanted: tuple[str, ...], words: str) -> None:
    began = replace(note("0123456789", "abcdefghij"), wanted=wanted)
    assert began.command == f"devcopilot backup restore 01234567{words}"


def test_an_archive_is_finished_by_its_path() -> None:
    found = note("/home/x/workspace 1.tar.gz", "abcdefghij").describe()
    assert "`devcopilot backup restore '/home/x/workspace 1.tar.gz'` finishes it" in found.hint


def test_a_record_of_before_is_read(facts: Facts) -> None:
    path = undo.FILE.path(facts)
    path.parent.mkdir(parents=True)
    path.write_text(
        '{"safety": "a", "target": "local", "paths": ["/w"], "source": "b", "time": "",'
        ' "finished": true}'
    )
    assert undo.FILE.read(facts) == Undo("a", "local", ("/w",), "b", "", finished=True)
    path.write_text("[1]")
    with pytest.raises(AgentError, match="damaged"):
        undo.FILE.read(facts)
    assert undo.find_needed(facts) == frozenset()
