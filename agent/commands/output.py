"""How a verb speaks: plain lines in a pipe, a page on a terminal, JSON, or events of the log.

The form is chosen here and once, by `choose`; a verb gets the printer and says what there is to
say. rich draws what a terminal shows; only `agent.commands.terminal` imports it, and only once
something is drawn.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from agent.commands.layout import NAME, Bar, Page
from agent.machine.errors import Problem
from agent.machine.light.escaping import encode_json, escape_line, make_lines
from agent.machine.light.log import Logger
from agent.machine.structured import StructuredLogger

if TYPE_CHECKING:
    from agent.commands.terminal import Screen

SCHEMA = 1
"""Version of all documents of --json, in `schema` of each object, or of each row of a list.

docs/json.md says what is in them, and what changes the version.
"""
DUMB = ("dumb", "unknown")
"""Values of TERM for terminals that can only print lines."""


@dataclass
class Printer:
    """Speaks in plain lines that stay as they are: programs read them as well."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)
    screen: "Screen | None" = None
    """Draws on the terminal that stderr is; made when something is drawn first."""

    is_log = False
    """Whether a job of init speaks: it reports only what changed."""

    def show(
        self, document: object, lines: Iterable[str], page: Callable[[], Page] | None = None
    ) -> None:
        """Print a result: `document` for programs, `lines` or the page for people."""
        del document, page
        self.say(*lines)

    def show_table(
        self,
        rows: Sequence[object],
        head: Sequence[str],
        cells: Iterable[Sequence[str]],
        nothing: str = "",
    ) -> None:
        """Print a result that is a table: `rows` for programs, `cells` under `head` for people.

        `nothing` is the sentence for people where there are no rows.
        """
        if nothing and not rows:
            self.say(nothing)
        else:
            self._print_table(head, cells)

    def give(self, name: str, text: str) -> None:
        """Print one value as it is: it is `name` in the document."""
        del name
        self.out.write(f"{text}\n")
        self.out.flush()

    def pour(self, content: bytes) -> None:
        """Write what is no text, such as an archive, for whatever reads standard output."""
        self.out.flush()
        self.out.buffer.write(content)
        self.out.buffer.flush()

    def say(self, *lines: str) -> None:
        """Print lines of a result while the work goes on; its document has the same."""
        if self.screen and is_terminal(self.out):
            self.screen.clear()
        self.out.write(make_lines(*lines))
        self.out.flush()

    def note(self, *lines: str) -> None:
        """Tell people something beside the result."""
        self._tell(make_lines(*(f"{NAME}: {line}" for line in lines)))

    def fail(self, *problems: Problem) -> None:
        """Tell people what went wrong, and what fixes it."""
        if is_terminal(self.err):
            for problem in problems:
                self._draw().fail(problem)
        else:
            self.note(*map(str, problems))

    def refuse(self, problems: Sequence[Problem], document: object) -> None:
        """Tell that a verb could not do its work at all; `document` is what JSON says of that."""
        del document
        self.fail(*problems)

    def ask(self, lines: Iterable[str], question: str) -> bool | None:
        """Show the lines and ask; None: there is nobody to ask."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return None
        self._tell(f"{make_lines(*lines)}{question} [y/N] ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    @contextmanager
    def watch(self, title: str, *, forks: bool = False) -> Iterator[Bar]:
        """Yield the bar of a work; it is gone afterwards.

        `forks`: the work makes copies of this process, so no thread may draw the bar.
        """
        if not is_terminal(self.err):
            yield Bar()
            return
        with self._draw().watch(title, forks=forks) as bar:
            yield bar

    def open_log(self, source: str, level: str | None = None, form: str = "auto") -> Logger:
        """Return a log on stderr: text for who reads it on a terminal, else JSON lines."""
        readable = form == "text" or (form == "auto" and self.err.isatty())
        return Logger(source, level or "info", readable=readable)

    def close(self) -> None:
        """Take away what is still drawn."""
        if self.screen:
            self.screen.clear()

    def _print_table(self, head: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
        self.out.write(format_table(head, cells))

    def _tell(self, text: str) -> None:
        if self.screen:
            self.screen.clear()
        self.err.write(text)
        self.err.flush()

    def _draw(self) -> "Screen":
        if self.screen is None:
            from agent.commands.terminal import Screen  # noqa: PLC0415 - rich: only who looks pays

            self.screen = Screen(self.err)
        return self.screen


class TerminalPrinter(Printer):
    """Speaks to a person who looks."""

    def show(  # noqa: D102
        self, document: object, lines: Iterable[str], page: Callable[[], Page] | None = None
    ) -> None:
        if page is None:
            super().show(document, lines)
            return
        from agent.commands import terminal  # noqa: PLC0415 - as above

        terminal.print_page(page(), self.out)

    def _print_table(self, head: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
        from agent.commands import terminal  # noqa: PLC0415 - as above

        terminal.print_table(head, cells, self.out)


class JsonPrinter(Printer):
    """Prints one document; what people should know as well is on stderr."""

    def show(  # noqa: D102
        self, document: object, lines: Iterable[str], page: Callable[[], Page] | None = None
    ) -> None:
        del lines, page
        self.out.write(encode_json(add_schema(document), indent=2) + "\n")

    def show_table(  # noqa: D102
        self,
        rows: Sequence[object],
        head: Sequence[str],
        cells: Iterable[Sequence[str]],
        nothing: str = "",
    ) -> None:
        del head, cells, nothing
        self.show(rows, ())

    def give(self, name: str, text: str) -> None:
        """Print the value in a document; unlike a text of strangers it is not escaped."""
        self.out.write(json.dumps({"schema": SCHEMA, name: text}, indent=2) + "\n")

    def say(self, *lines: str) -> None:
        """Leave it to the document."""

    def refuse(self, problems: Sequence[Problem], document: object) -> None:  # noqa: D102
        self.fail(*problems)
        self.show(document, ())


class LogPrinter(Printer):
    """Speaks in events of the log: init runs a verb as a job, and its stderr is the log."""

    is_log = True
    source = NAME

    def say(self, *lines: str) -> None:
        """Log what a job says beside its own events: somebody should look at it."""
        for line in lines:
            self.open_log(self.source).warning(line)

    note = say

    def fail(self, *problems: Problem) -> None:  # noqa: D102
        for problem in problems:
            self.open_log(self.source).error(str(problem))

    @contextmanager
    def watch(self, title: str, *, forks: bool = False) -> Iterator[Bar]:  # noqa: D102
        del title, forks
        yield Bar()

    def open_log(  # noqa: D102
        self, source: str, level: str | None = None, form: str = "json"
    ) -> Logger:
        del form
        return StructuredLogger(source, level or "info")


def choose(source: str, *, as_json: bool, as_log: bool) -> Printer:
    """Return the printer of one run of a verb; `source` is its name in the log."""
    if as_log:
        printer = LogPrinter()
        printer.source = source
        return printer
    if as_json:
        return JsonPrinter()
    return TerminalPrinter() if is_terminal(sys.stdout) else Printer()


def is_terminal(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal that can show more than lines."""
    return stream.isatty() and os.environ.get("TERM") not in DUMB


def add_schema(document: object) -> object:
    """Return the document with the version of the schema in it, or in each row of a list."""
    if isinstance(document, dict):
        return {"schema": SCHEMA, **document}
    if isinstance(document, list):
        return [add_schema(row) for row in document]
    return document


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under a heading, each column as wide as its widest cell."""
    cells = [tuple(map(escape_line, row)) for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
    return "".join(f"{line}\n" for line in lines)
