"""`devcopilot tools`: what a person sees, and what the log is told only once."""

import argparse
import json

import pytest

from agent import catalogue
from agent.commands.output import LogPrinter, Printer
from agent.commands.tools import Events, Lines, find_tool
from agent.tools.tool import Failure

TOOL = catalogue.TOOLS[0]
FAILURE = Failure("ENOTFOUND", "cannot install it: no network", "mend it")


def test_without_a_terminal_there_are_only_lines(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer()
    with printer.watch("AI tools") as bar:
        lines = Lines(printer, bar)
        lines.begin(TOOL)
        lines.progress(123_456_789)
        lines.finish(TOOL, 12.3)
        lines.keep(TOOL)
        lines.fail(TOOL, FAILURE)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "claude: installing Claude Code",
        "claude: installed in 12 s",
        "claude: already installed",
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
    capfd: pytest.CaptureFixture[str], before: dict[str, Failure], told: int
) -> None:
    Events(LogPrinter().open_log("tools"), before).fail(TOOL, FAILURE)
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert len(events) == told
    for event in events:
        assert (event["level"], event["tool"]) == ("warning", "claude")


def test_an_unknown_name_is_refused() -> None:
    assert find_tool("codex").title == "Codex"
    with pytest.raises(argparse.ArgumentTypeError, match=r"^there is no tool nope$"):
        find_tool("nope")
