"""The newest lines of the log, read back."""

from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.machine.light.log import encode, make_event, render
from agent.observe.recent_log import Line, parse, read
from tests.worlds.machine import make_facts

EVENT = {**make_event("web", "warning", "it\tis: full"), "time": "2026-01-31T12:00:01.000Z"}


@pytest.mark.parametrize("record", [encode(EVENT), render(EVENT), render(EVENT, colour=True)])
def test_each_form_of_the_log_is_read(record: bytes) -> None:
    line = Line("12:00:01", "warning", "web", "it\tis: full")
    assert parse(record.decode().removesuffix("\n")) == line


def test_a_message_that_looks_like_a_level_is_none() -> None:
    assert parse("12:00:01 web: listening on :80") == Line("12:00:01", "info", "web",
                                                           "listening on :80")  # fmt: skip


@pytest.mark.parametrize("text", ["", "half a line", '{"time": "x', "{" * 10_000, '{"a": 1'])
def test_what_is_no_line_is_left_out(text: str) -> None:
    assert parse(text) is None


def test_the_files_are_one_text_and_secrets_are_hidden(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    assert read(facts) == []
    folder = facts.runtime / runtime.LOG
    folder.mkdir(parents=True)
    first, second = encode(EVENT), encode({**EVENT, "message": "the key is a-later-secret"})
    (folder / "recent.1").write_bytes(b'the end of a line"}\n' + first[:20])
    (folder / "recent").write_bytes(first[20:] + second)
    (facts.runtime / runtime.SECRETS).mkdir(exist_ok=True)
    (facts.runtime / runtime.SECRETS / "KEY").write_text("a-later-secret")
    assert [line.message for line in read(facts)] == ["it\tis: full", "the key is ***"]
