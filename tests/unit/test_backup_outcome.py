"""What a restore says of itself."""

import json
from pathlib import Path

import pytest

from agent.backup.restore.preview import Preview
from agent.backup.restore.result import Result
from agent.commands.backup import outcome
from agent.commands.backup.outcome import Subject
from agent.commands.output import JsonPrinter, Printer
from agent.machine.errors import Problem


def test_many_failures_with_one_cause_are_one_line() -> None:
    full = "no space left on device"
    texts = [f"/w/{number}: write /w/{number}: {full}" for number in range(9)]
    assert list(outcome.group([*texts, *texts, "/w/x: open /w/x: permission denied"])) == [
        f"9 files, such as /w/0, /w/1, /w/2: {full}",
        "/w/x: permission denied",
    ]
    assert list(outcome.group(["a", "a"])) == ["a"]


def test_the_document_has_the_same_names_whatever_became_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    subject = Subject("a" * 64, "aaaaaaaa (just now)", "local", ("/w",))
    outcome.finish(subject, Result(3, 4, way_back="b" * 64), JsonPrinter())
    done = json.loads(capsys.readouterr().out)
    outcome.finish(subject, Result(failures=("/w/a: x",)), JsonPrinter())
    failed = json.loads(capsys.readouterr().out)
    JsonPrinter().show(outcome.describe(subject, preview=Preview(new=["/w/a"])), ())
    shown = json.loads(capsys.readouterr().out)
    problems = [Problem("cannot restore", "do this")]
    JsonPrinter().refuse(problems, outcome.describe_refusal(problems))
    refused = json.loads(capsys.readouterr().out)
    assert done.keys() == failed.keys() == shown.keys() == refused.keys()
    assert [row["done"] for row in (done, failed, shown, refused)] == [True, False, False, False]
    assert refused["problems"][0]["hint"] == "do this"
    assert done["source"] == "a" * 64


def test_names_of_files_forge_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "/w/a\nrestored \x1b[31mall\u2028of it\udcff"
    subject = Subject("a" * 64, "aaaaaaaa", "local", ("/w",))
    result = Result(kept=(Path(evil),), skipped=(evil,), failures=(evil,))
    outcome.finish(subject, result, Printer())
    Printer().show({}, outcome.format_preview(Preview(new=[evil])))
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 4
    assert len(said.err.splitlines()) == 2
    assert "\x1b" not in said.out + said.err
    assert r"a\nrestored \x1b[31mall\u2028of it\xff" in said.out
