"""Check the workspace: credentials, storage, network, tools. Each finding ends with its fix.

It changes nothing, except that it writes and removes a small object at each backup destination and
a file in each folder that it tries. It exits with 0 unless something does not work.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial

from agent.commands.checks import CHECKS
from agent.commands.layout import Item, Page
from agent.commands.options import add_json_option, reader
from agent.commands.output import Printer
from agent.machine import hints
from agent.machine.deadline import refusal_after
from agent.machine.light.exits import Exit
from agent.observe import doctor
from agent.observe.checks import address
from agent.observe.doctor import GROUPS
from agent.observe.findings import Row
from agent.settings import context
from agent.settings.check import Check, Result
from agent.settings.context import Context

DEADLINE = 10.0
"""Seconds to read the settings: the home may be on a server that is gone."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="only these checks or groups; --list shows them")  # fmt: skip
    parser.add_argument("--offline", action="store_true", help="only what needs no network")
    parser.add_argument("--timeout", type=reader("positive_duration"), metavar="TIME",
                        help="stop each check after this time (10s, 1m)")  # fmt: skip
    parser.add_argument("--url", type=reader("http_url"),
                        help="whether a browser can use the editor at this address")  # fmt: skip
    parser.add_argument("--strict", action="store_true", help="exit with 1 for a warning, too")
    parser.add_argument("--all", action="store_true",
                        help="show also why checks had nothing to look at")  # fmt: skip
    parser.add_argument("--list", action="store_true", help="list the checks, run none")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Run the checks and show what they find."""
    checks = choose(arguments.names, arguments.url)
    if arguments.list:
        show_list(checks, printer)
        return Exit.OK
    with refusal_after(DEADLINE, "read the settings"):
        current = context.load()
    with printer.watch("checking", forks=True) as bar:
        rows = doctor.examine(
            checks, current, offline=arguments.offline, limit=arguments.timeout,
            tell=lambda done, names: bar.update(done, len(checks), ", ".join(names)),
        )  # fmt: skip
    if not arguments.url:
        keep(rows, current, printer, offline=arguments.offline)
    shown = [row for row in rows if arguments.all or row.result is not Result.SKIPPED]
    skipped = [] if arguments.all else doctor.find_skipped(rows)
    printer.show(
        [asdict(row) for row in rows],
        format_lines(shown, skipped),
        lambda: make_page(shown, skipped),
    )
    bad = {Result.FAIL, Result.WARN} if arguments.strict else {Result.FAIL}
    return Exit.FAILED if bad & {row.result for row in rows} else Exit.OK


def choose(names: Sequence[str], url: str | None) -> tuple[Check, ...]:
    """Return the checks of these names; of a URL only the one that looks at it."""
    if not url:
        return doctor.choose(names, CHECKS)
    check = replace(address.CHECK, look=partial(address.look_at, url))
    return doctor.choose(names, (check,))


def keep(rows: Sequence[Row], current: Context, printer: Printer, *, offline: bool) -> None:
    """Keep the findings for the page and others."""
    try:
        doctor.keep(rows, CHECKS, current, offline=offline)
    except OSError as error:
        printer.fail(hints.explain(error, "keep the result"))


def show_list(checks: Sequence[Check], printer: Printer) -> None:
    """Show the checks."""
    rows = [{"name": check.name, "group": check.group, "purpose": check.purpose,
             "network": check.network, "documents": check.documents}
            for check in checks]  # fmt: skip
    cells = [(check.name, check.group, check.purpose) for check in checks]
    printer.show_table(rows, ("NAME", "GROUP", "WHAT IT CHECKS"), cells)


def format_lines(rows: Sequence[Row], skipped: Sequence[str] = ()) -> Iterator[str]:
    """Yield the findings, a line each, and what fixes them; `skipped` are other checks' names."""
    yield doctor.summarize(rows)
    for row in rows:
        fix = f" ({row.fix})" if row.fix else ""
        yield f"{row.result:<8}  {row.name}: {row.sentence}{fix}"
    if skipped:
        yield f"{Result.SKIPPED:<8}  {', '.join(skipped)}"
    for fix in doctor.find_fixes(rows):
        yield f"{'fix':<8}  {fix}"


def make_page(rows: Sequence[Row], skipped: Sequence[str] = ()) -> Page:
    """Return what a terminal shows."""
    found = {row.result for row in rows}
    mark = next((each for each in (Result.FAIL, Result.WARN) if each in found), Result.OK)
    sections = [(group, [make_item(row) for row in rows if row.group == group]) for group in GROUPS]
    fixes = [Item("idle", fix, "") for fix in doctor.find_fixes(rows)]
    names = f"{', '.join(skipped)} (--all shows why)"
    others = [Item(Result.SKIPPED, names, "")] if skipped else []
    last = (("Nothing to check", others), ("What to do", fixes))
    shown = [(title, items) for title, items in (*sections, *last) if items]
    return Page(Item(mark, doctor.summarize(rows), ""), shown)


def make_item(row: Row) -> Item:
    """Return the item of a finding."""
    return Item(row.result, row.name, row.sentence, hint=row.fix)
