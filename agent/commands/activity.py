"""Show why the workspace counts as in use, and when it would stop.

A platform that pauses idle workspaces reads has_activity, last_activity and reasons with --json. If
this command fails, nothing is known: never pause a workspace for that.
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from agent.commands.layout import Item, Page
from agent.commands.options import add_json_option
from agent.commands.output import Printer, format_table
from agent.machine.light.clock import read_time
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_age, format_wait
from agent.observe import activity
from agent.observe.activity.answer import Activity, Sign
from agent.settings import context

FRESH = 2.0
"""Seconds for which an answer is given again: many may ask at once."""
HEAD = ("SIGNAL", "LAST", "COUNTS", "WHAT")


add_arguments = add_json_option


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Show it."""
    del arguments
    found = activity.find(context.load(), FRESH)
    printer.show(make_document(found), make_lines(found), lambda: make_page(found))
    return Exit.OK


def make_document(found: Activity) -> dict[str, object]:
    """Return the activity, with the fields of Kubeflow's activity probe."""
    reasons = [sign.detail for sign in found.signals if sign.counts and sign.last]
    return {
        "has_activity": found.active,
        "last_activity": found.last,
        "reasons": [found.reason, *reasons],
        **asdict(found),
    }


def make_lines(found: Activity) -> Iterator[str]:
    """Yield the sentence, the signals and the leases."""
    yield found.reason
    for hold in found.holds:
        yield f"It does not stop at this moment: {hold}."
    yield ""
    yield from format_table(HEAD, map(make_row, found.signals)).rstrip("\n").split("\n")
    if found.leases:
        yield ""
        rows = [(each.name, format_wait(read_time(each.until)), each.why) for each in found.leases]
        yield from format_table(("LEASE", "ENDS", "WHY"), rows).rstrip("\n").split("\n")


def make_page(found: Activity) -> Page:
    """Return the same for a terminal: what counts now has another mark than what does not."""
    signs = [
        make_item(sign, is_reason=sign.counts and sign.last == found.last) for sign in found.signals
    ]
    held = [
        Item(
            "good", f"lease {each.name}", each.why, (f"ends {format_wait(read_time(each.until))}",)
        )
        for each in found.leases
    ]
    sections = [("Signals", signs), *([("Leases", held)] if held else [])]
    mark = "good" if found.active else "idle"
    return Page(Item(mark, " ".join([found.reason, *found.holds]), ""), sections)


def make_item(sign: Sign, *, is_reason: bool) -> Item:
    """Return the line of a signal."""
    name, age, counts, what = make_row(sign)
    words = f"{age}: {what}" if sign.last else what
    more = ("does not count",) if counts == "no" and sign.last else ()
    return Item("good" if is_reason else "idle", name, words, more)


def make_row(sign: Sign) -> tuple[str, str, str, str]:
    """Return the row of a signal."""
    age = format_age(read_time(sign.last)) if sign.last else "never"
    what = "; ".join(filter(None, (sign.detail, sign.why)))
    return sign.name, age, "yes" if sign.counts else "no", what
