"""`devcopilot tools`: which tools it knows."""

import argparse

import pytest

from agent.commands.tools import find_tool


def test_an_unknown_name_is_refused() -> None:
    assert find_tool("codex").title == "Codex"
    with pytest.raises(argparse.ArgumentTypeError, match=r"^there is no tool nope$"):
        find_tool("nope")
