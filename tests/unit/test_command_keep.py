"""`devcopilot keep` and `activity`: what they print, and what they refuse."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.__main__ import main
from agent.commands import activity as verb
from agent.machine.light.exits import Exit
from agent.observe import activity
from agent.observe.activity import leases
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A container whose settings are these, and which runs."""
    settings = Settings.from_environ({"DEV8_KEEP_MAX": "3h"})
    found = Context({}, settings, make_facts(tmp_path))
    monkeypatch.setattr(context, "load", lambda: found)
    return found


def list_held(current: Context) -> list[tuple[str, int | None]]:
    return [(lease.why, lease.pid) for lease in activity.find(current, 0.0).leases]


def test_a_time_is_kept_and_ended(current: Context, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keep", "90m", "--why", "a demo"]) == Exit.OK
    assert (
        capsys.readouterr().out == "kept in use for 1 h 30 min; `devcopilot keep end 1` ends that\n"
    )
    assert list_held(current) == [("a demo", None)]
    assert main(["keep", "list", "--json"]) == Exit.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["why"], row["pid"]) == ("1", "a demo", None)
    assert main(["keep", "end", "1"]) == Exit.OK
    assert list_held(current) == []


def test_what_is_kept_is_known_at_once(current: Context) -> None:
    """Also to whoever is content with an answer of a moment ago."""
    activity.find(current)
    main(["keep", "1h"])
    assert "`devcopilot keep` holds it: for 1h" in activity.find(current).reason
    main(["keep", "end"])
    assert activity.find(current).leases == ()


def test_a_process_is_kept_to(current: Context, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keep", "--pid", str(os.getpid())]) == Exit.OK
    assert "as long as process" in capsys.readouterr().out
    assert list_held(current) == [(f"process {os.getpid()}", os.getpid())]


def test_a_command_takes_the_place_of_the_verb(
    current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So its exit code and its signals are its own, and nothing stays beside it."""
    run: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execvp", lambda program, words: run.append((program, words)))
    main(["keep", "--", "make", "-j4", "--", "all"])
    assert run == [("make", ["make", "-j4", "--", "all"])]
    assert list_held(current) == [("make -j4 -- all", os.getpid())]


def test_a_command_that_is_none_leaves_no_lease(
    current: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keep", "2hh"]) == Exit.NOT_FOUND
    assert "a time is written as 2h or 90m" in capsys.readouterr().err
    assert list_held(current) == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["keep"], Exit.USAGE, "say for how long"),
        (["keep", ""], Exit.USAGE, "say for how long"),
        (["keep", "--", ""], Exit.USAGE, "say for how long"),
        (["keep", "4h"], Exit.USAGE, "DEV8_KEEP_MAX"),
        (["keep", "99999h"], Exit.USAGE, "DEV8_KEEP_MAX"),
        (["keep", "--pid", "3", "2h"], Exit.USAGE, "say for how long"),
        (["keep", "--pid", "999999999"], Exit.FAILED, "there is no process 999999999"),
        (["keep", "end", "7"], Exit.FAILED, "there is no lease 7"),
    ],
)
def test_what_makes_no_sense_is_refused(
    current: Context, capsys: pytest.CaptureFixture[str], words: list[str], code: int, says: str
) -> None:
    assert main(words) == code
    assert says in capsys.readouterr().err
    assert list_held(current) == []


def test_a_reason_is_one_short_line(current: Context) -> None:
    main(["keep", "1h", "--why", "a\nb\x1b[31m" + "x" * 999])
    ((why, _),) = list_held(current)
    assert "\n" not in why
    assert "\x1b" not in why
    assert len(why) <= 200


def test_the_probe_s_fields_are_those_of_the_activity(
    current: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    """https://www.kubeflow.org reads these three; the exit code says nothing."""
    assert main(["why", "--json"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    assert document["has_activity"] is document["active"] is True
    assert document["last_activity"] == document["last"]
    assert document["reasons"][0] == document["reason"]
    idle = replace(activity.find(current), active=False)
    assert verb.make_document(idle)["has_activity"] is False


def test_people_get_the_sentence_and_every_signal(
    current: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    leases.write(str(current.facts.runtime), 1e9, "a demo")
    assert main(["activity"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Active: ")
    names = [line.split()[0] for line in lines if line]
    assert {"editor", "terminal-input", "ai", "lease", "ssh", "tab"} <= set(names)
    assert "a demo" in lines[-1]


@pytest.mark.parametrize("text", ["", "[]", '{"boot": 1e9}', '{"boot": 0.0, "signals": 3}'])
def test_a_damaged_document_is_made_anew(current: Context, text: str) -> None:
    (current.facts.runtime / "activity.json").write_text(text)
    assert activity.find(current, 1e12).signals
