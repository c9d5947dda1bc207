"""Carry out units again, here and now: those that are named, or all that failed."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.unit_reports import Lines, describe_end, end_on_signals, hold
from agent.machine.errors import UsageError
from agent.machine.light.exits import Exit
from agent.machine.records import unit_record
from agent.machine.records.setup_trigger import trigger
from agent.machine.records.unit_record import BAD, Record
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.all import KINDS
from agent.units.setup import Setup
from agent.units.unit import Kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    names = ", ".join(kind.name for kind in KINDS)
    parser.add_argument("unit", nargs="*", metavar="UNIT",
                        help=f"a unit, or a part of one as `status` names it: {names}")  # fmt: skip
    parser.add_argument("--all", action="store_true", help="all units that failed")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Carry them out; exit 0 when none of them fails, or is left failed."""
    current = context.load()
    known = [kind for kind in KINDS if kind.wanted(current.settings)]
    units = list(unit_record.list_all(current.facts))
    foreign = {each.name: each for each in units if is_foreign(each, known, current.settings)}
    failed = [each.name for each in units if each.state in BAD] if arguments.all else []
    left = [foreign[name] for name in failed if name in foreign]
    names = [*arguments.unit, *(name for name in failed if name not in foreign)]
    if not names and not arguments.all:
        raise UsageError("no unit is named", "name one, or use --all")
    order = find_order(names, known, units, foreign)
    records = [*carry_out(current, known, order, printer), *left]
    for each in left:
        printer.fail(*explain_foreign(each).problems)
    printer.show([asdict(each) for each in records], [] if records else ["no unit has failed"])
    return Exit.FAILED if any(each.state in BAD for each in records) else Exit.OK


def is_foreign(unit: Record, kinds: Sequence[Kind], settings: Settings) -> bool:
    """Return whether only a person asked for a unit, such as a clone of another repository."""
    _, _, part = unit.name.partition(unit_record.SEPARATOR)
    return bool(part) and not any(
        each.name == unit.kind and each.asks_for(settings, part) for each in kinds
    )


def explain_foreign(unit: Record) -> UsageError:
    """Return why a unit is left as it is: what a person began, a person begins again."""
    cause = "the settings do not ask for it"
    return UsageError(f"cannot rerun {unit.name}: {cause}; {describe_end(unit)}", unit.hint)


def find_order(
    names: Sequence[str],
    kinds: Sequence[Kind],
    units: Sequence[Record],
    foreign: Mapping[str, Record],
) -> dict[str, str]:
    """Return kind -> part, empty for all of it. Raises AgentError for a name that is none."""
    order: dict[str, str] = {}
    known = [kind.name for kind in kinds]
    own = (each.name for each in units if each.name not in foreign)
    there = list(dict.fromkeys([*known, *own]))
    for name in names:
        kind, _, part = name.partition(unit_record.SEPARATOR)
        if name in foreign:
            raise explain_foreign(foreign[name])
        if kind not in known or name not in there:
            near = difflib.get_close_matches(name, there, 1)
            listed = f"there are: {', '.join(there)}" if there else "no unit is configured"
            hint = f"did you mean {near[0]}?" if near else listed
            raise UsageError(f"there is no unit {name}", hint)
        order[kind] = part if order.get(kind, part) == part else ""
    return order


def carry_out(
    current: Context, kinds: Sequence[Kind], order: Mapping[str, str], printer: Printer
) -> list[Record]:
    """Carry kinds out in the foreground; return how they stand then. Raises AgentError."""
    for name in order:
        with hold(current.facts, name):
            pass  # nobody else is at work on it
    with printer.watch("") as bar:
        setup = Setup(current, kinds, Lines(printer, bar), order)
        end_on_signals(setup.stop)
        setup.run()
    trigger(current.facts)  # others may have waited for it
    found = [setup.find(name) for name in order]
    return [each for each in found if each]
