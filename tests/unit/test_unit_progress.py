"""How far a unit is: what git says of it, and what a person sees of that."""

import io

import pytest

from agent.commands.output import Printer
from agent.commands.unit_reports import Lines
from agent.machine.records.unit_record import Record, State
from agent.units.clone.progress import read_progress

UNIT = Record("clone:demo", State.RUNNING, "", progress=28)


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Receiving objects:  35% (73/203), 70.22 MiB | 70.21 MiB/s",
         (28, "receiving objects, 70.22 MiB")),
        ("Receiving objects: 100% (4/4), done.", (80, "receiving objects")),
        ("Resolving deltas:  50% (1/2)", (85, "resolving deltas")),
        ("Updating files: 100% (201/201), done.", (100, "updating files")),
        ("Downloading LFS objects:  50% (1/2), 512 KB | 1 MB/s",
         (50, "downloading lfs objects, 512 KB")),
        ("remote: Counting objects:  41% (84/203)", None),
        ("fatal: repository not found", None),
    ],
)  # fmt: skip
def test_what_git_prints_on_the_way_is_progress(line: str, found: tuple[int, str] | None) -> None:
    assert read_progress(line) == found


@pytest.mark.parametrize(("columns", "bar"), [("100", "━"), ("40", "")])
def test_a_terminal_shows_how_far_it_is_in_per_cent_and_what_goes_on(
    monkeypatch: pytest.MonkeyPatch, columns: str, bar: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    printer = Printer(out=screen, err=screen)
    with printer.watch("") as drawn:
        Lines(printer, drawn).passing(UNIT, "receiving")
    assert " 28%" in screen.getvalue()
    assert "clone:demo: receiv" in screen.getvalue()
    assert ("━" in screen.getvalue()) == bool(bar)


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_where_only_lines_can_be_shown_there_is_nothing_that_is_overwritten(
    monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setenv("TERM", term)
    stream = Terminal() if term == "dumb" else io.StringIO()
    printer = Printer(out=stream, err=stream)
    with printer.watch("") as drawn:
        lines = Lines(printer, drawn)
        lines.begin(UNIT)
        lines.passing(UNIT, "receiving")
        lines.line(UNIT, "Receiving objects: 100%, done.")
    assert stream.getvalue() == "Receiving objects: 100%, done.\n"
