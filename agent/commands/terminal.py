"""What a terminal shows: pages, tables, problems and bars. The only module that imports rich.

rich honours NO_COLOR and the width of the terminal. Every text is escaped here, since rich hands on
what a terminal would obey, and it is never read as rich's own markup.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, OverflowMethod
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column, Table
from rich.text import Text

from agent.commands.layout import NAME, Bar, Item, Page
from agent.machine.errors import Problem
from agent.machine.light.escaping import escape_line

STYLES = {
    "good": "green", "idle": "dim", "warning": "yellow", "bad": "bold red",
    "ok": "green", "skipped": "dim", "warn": "yellow", "fail": "bold red", "unknown": "magenta",
}  # fmt: skip
MARKS = {
    "good": "●", "idle": "○", "warning": "▲", "bad": "✖",
    "ok": "✓", "skipped": "\u2013", "warn": "!", "fail": "✗", "unknown": "?",
}  # fmt: skip
PLAIN_MARKS = {
    "good": "*", "idle": "-", "warning": "!", "bad": "x",
    "ok": "+", "skipped": "-", "warn": "!", "fail": "x", "unknown": "?",
}  # fmt: skip
"""Where the encoding of the terminal is not UTF-8."""
WELL = ("good", "idle", "ok", "skipped")
NAME_WIDTH = 12
"""Columns of a name, so that most sections of a page stand in line."""
RIGHT = ("FILES", "SIZE", "ADDED")
"""Columns of numbers."""
WIDE = 60
"""Columns of a terminal that has room for a bar beside words."""
PULSES = 5
"""Times a second that a bar is drawn anew."""


def open_console(stream: TextIO) -> Console:
    """Return rich's console on a stream that is a terminal."""
    return Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)


def make_text(words: str, style: str = "") -> Text:
    """Return a text as a terminal may have it."""
    return Text(escape_line(words), style, overflow="fold")


def print_page(page: Page, stream: TextIO) -> None:
    """Print a page."""
    console = open_console(stream)
    console.print()
    console.print(Padding(_make_grid([page.headline], console), (0, 1), expand=False))
    for title, items in page.sections:
        console.print()
        console.print(Padding(make_text(title, "bold"), (0, 1), expand=False))
        console.print(Padding(_make_grid(items, console), (0, 3), expand=False))
    console.print()


def _make_grid(items: Iterable[Item], console: Console) -> Table:
    """Return a row for each item: its mark, its name, and beside or below that the rest."""
    marks = PLAIN_MARKS if console.options.ascii_only else MARKS
    named = any(item.text for item in items)
    name_column = Column(min_width=NAME_WIDTH if named else 0)
    grid = Table.grid(Column(no_wrap=True), name_column, padding=(0, 1, 0, 0))
    for item in items:
        name, style, is_well = make_text(item.name), STYLES[item.mark], item.mark in WELL
        text = make_text("").append_text(make_text(item.text, "" if is_well else style))
        last = text if named else name
        dim = "dim" if is_well else ""  # else it says why
        for words, below in (*((line, dim) for line in item.more), (item.hint, "cyan")):
            if words:
                last.append("\n")
                last.append_text(make_text(words, below))
        grid.add_row(Text(marks[item.mark], style), *([name, text] if named else [name]))
    return grid


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], stream: TextIO) -> None:
    """Print rows under a heading."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for title in head:
        table.add_column(title, justify="right" if title in RIGHT else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(make_text, row))
    open_console(stream).print(table)


class Screen:
    """The terminal of stderr: what is drawn there, one bar at most."""

    def __init__(self, stream: TextIO) -> None:
        self.console = open_console(stream)
        self._bar: _DrawnBar | None = None

    def fail(self, problem: Problem) -> None:
        """Print a problem, and below it what fixes it."""
        self.clear()
        text = make_text("").append(f"{NAME}: ", "bold red")
        self.console.print(text.append_text(make_text(problem.message)))
        if problem.hint:
            self.console.print(make_text(f"  {problem.hint}", "cyan"))

    @contextmanager
    def watch(self, title: str, *, forks: bool = False) -> Iterator[Bar]:
        """Yield a bar, which appears at its first progress.

        `forks`: it moves with each progress only, not by a thread.
        """
        bar = _DrawnBar(self, title, forks)
        try:
            yield bar
        finally:
            bar.hide()

    def take(self, bar: "_DrawnBar") -> None:
        """Show this bar alone."""
        if self._bar is not bar:
            self.clear()
            self._bar = bar

    def clear(self) -> None:
        """Take away the bar that is drawn; it comes back at the next progress."""
        if self._bar:
            self._bar.hide()
        self._bar = None


class _DrawnBar(Bar):
    is_drawn = True

    def __init__(self, screen: Screen, title: str, forks: bool) -> None:
        self._screen = screen
        self._forks = forks
        self._title = escape_line(title)
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def update(self, done: float, total: float, text: str) -> None:
        self._draw(done, total, text)

    def spin(self, text: str = "") -> None:
        self._draw(0, None, text)

    def hide(self) -> None:
        """Take it away."""
        if self._progress:
            self._progress.stop()
        self._progress = None

    def _draw(self, done: float, total: float | None, text: str) -> None:
        self._screen.take(self)
        words = escape_line(text)
        if self._progress:
            self._progress.update(
                self._task, completed=done, total=total, text=words, refresh=self._forks
            )
            return
        progress = self._progress = make_progress(self._screen.console, has_thread=not self._forks)
        self._task = progress.add_task(self._title, total=total, completed=int(done), text=words)
        progress.tasks[0].start_time = self._began  # not anew after each line in between
        progress.start()


def make_progress(console: Console, *, has_thread: bool = True) -> Progress:
    """Return rich's bar: the title, the share, the text and the time, which fit the terminal.

    A narrow one has no room for the bar itself.
    """
    simple = console.options.ascii_only
    overflow: OverflowMethod = "crop" if simple else "ellipsis"
    title = Column(no_wrap=True, overflow=overflow, max_width=console.width // 4)
    text = Column(no_wrap=True, overflow=overflow, ratio=1)
    return Progress(
        SpinnerColumn("line" if simple else "dots"),
        TextColumn("{task.description}", markup=False, table_column=title),
        *([BarColumn(bar_width=20)] if console.width >= WIDE else []),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False, table_column=text),
        TimeElapsedColumn(),
        console=console, auto_refresh=has_thread, refresh_per_second=PULSES, transient=True,
        expand=True, redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
