"""`devcopilot tools`: what a person sees, and what the log is told only once."""

import io
import json
from pathlib import Path

import pytest

from agent import catalogue
from agent.commands.tools import Events, Lines, find_tool
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools.tool import Failure
from tests.machine import make_facts

TOOL = catalogue.TOOLS[0]
FAILURE = Failure("ENOTFOUND", "cannot install it: no network", "mend it")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tell_all(lines: Lines) -> None:
    lines.begin(TOOL)
    lines.progress(123_456_789)
    lines.finish(TOOL, 12.3)


def test_a_terminal_shows_the_size_as_it_grows() -> None:
    stream = Terminal()
    tell_all(Lines(stream))
    assert stream.getvalue() == (
        "claude: installing Claude Code\n\rclaude: 123 MB\r\033[Kclaude: installed in 12 s\n"
    )


def test_elsewhere_there_are_only_lines() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    tell_all(lines)
    lines.fail(TOOL, FAILURE)
    assert stream.getvalue().splitlines() == [
        "claude: installing Claude Code",
        "claude: installed in 12 s",
        "claude: cannot install it: no network (mend it)",
    ]


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ({}, 1),
        ({"claude": Failure("ENOTFOUND", "the same cause in other words")}, 0),
        ({"claude": Failure("ENOSPC", "another cause")}, 1),
        ({"codex": FAILURE}, 1),
    ],
)
def test_the_log_is_told_what_is_new(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], before: dict[str, Failure], told: int
) -> None:
    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))
    Events(current, before).fail(TOOL, FAILURE)
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len(events) == told
    for event in events:
        assert (event["level"], event["tool"]) == ("warning", "claude")


def test_an_unknown_name_is_refused() -> None:
    assert find_tool("codex").title == "Codex"
    with pytest.raises(Exception, match="there is no tool nope"):
        find_tool("nope")
