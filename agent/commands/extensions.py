"""List the extensions of the editor: those that are asked for, and those that are installed."""

import argparse
from collections.abc import Iterator
from typing import Any

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.machine.records import unit_record
from agent.machine.system import Facts
from agent.settings import context
from agent.units.extensions.installed import find_browser, find_remote
from agent.units.extensions.kind import KIND

NOTHING = "no extensions are asked for, and none are installed"
HEAD = ("EXTENSION", "BROWSER", "SSH", "STATE", "")


add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print a row for each."""
    facts = context.load().facts
    try:
        rows = list(collect(facts))
    except OSError as error:
        raise AgentError(Problem(f"cannot read {error.filename}: {error.strerror}")) from error
    cells = [
        (row["name"], row["browser"] or "-", row["ssh"] or "-", row["state"], row["reason"])
        for row in rows
    ]
    printer.show_table(rows, HEAD, cells, NOTHING)
    return Exit.OK


def collect(facts: Facts) -> Iterator[dict[str, Any]]:
    """Yield a row for each extension, asked for or not. Raises OSError."""
    browser, remote = find_browser(facts).read(), find_remote(facts).read()
    units = {
        each.name.partition(unit_record.SEPARATOR)[2]: each
        for each in unit_record.list_all(facts)
        if each.kind == KIND.name and unit_record.SEPARATOR in each.name
    }
    for name in sorted({*browser, *remote, *units}):
        unit = units.get(name)
        yield {
            "name": name,
            "browser": browser.get(name, ""),
            "ssh": remote.get(name, ""),
            "state": str(unit.state) if unit else "",
            "reason": unit.reason if unit else "",
        }
