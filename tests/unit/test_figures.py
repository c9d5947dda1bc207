"""The house can be named at one look: scripts/figures.py measures it, and here are the bars."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).parent.parent.parent / "scripts/figures.py"
SPEC = importlib.util.spec_from_file_location("figures", SCRIPT)
assert SPEC
assert SPEC.loader
figures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(figures)

FLOORS = 5
"""Rooms above each other, at the most."""
BIGGEST = 0.27
"""Share of all lines that the biggest room may have."""
LONGEST = 40
"""Lines of a function, without its docstring."""


def test_no_module_is_in_no_room() -> None:
    assert figures.find_loose() == ["__main__", "catalogue"]


def test_no_room_is_much_bigger_than_a_quarter() -> None:
    lines = figures.count_lines()
    assert max(lines.values()) <= BIGGEST * sum(lines.values())


def test_there_are_five_floors() -> None:
    assert figures.count_floors() == FLOORS


def test_functions_are_short() -> None:
    assert [where for length, where in figures.find_functions() if length > LONGEST] == []
