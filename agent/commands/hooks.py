"""List the hooks of the workspace, show what they run, or run them again."""

import argparse
import pwd
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agent.commands import rerun
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.commands.unit_reports import Events
from agent.machine.errors import Problem, UsageError
from agent.machine.light import proc
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_duration
from agent.machine.records import unit_record
from agent.machine.records.unit_record import BAD, Record, make_name
from agent.settings import context
from agent.settings.context import Context
from agent.tools import trust
from agent.units import setup
from agent.units.all import KINDS
from agent.units.devcontainer.properties import find_notes
from agent.units.hooks import attach, kind, stopping
from agent.units.hooks.kind import Plan
from agent.units.hooks.phases import AT_ATTACH, Phase
from agent.units.hooks.running import show as show_command

ACTIONS = ("list", "show", "run")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("action", nargs="?", choices=ACTIONS, default="list",
                        help="list them, show what each runs, or run all or one again")  # fmt: skip
    parser.add_argument("name", nargs="?", help="a hook, such as postCreate")
    parser.add_argument("--final", type=float, metavar="SECONDS", help=argparse.SUPPRESS)
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """List, show or run the hooks; exit 1 when one of those that ran fails."""
    current = context.load()
    if arguments.final is not None:
        return run_final(current, arguments.final, printer)
    plan = Plan(current)
    names = [phase.name for phase in list_phases(plan)]
    if arguments.name and arguments.name not in names:
        there = f"there are: {', '.join(names)}" if names else "there are no hooks"
        raise UsageError(f"there is no hook {arguments.name}", there)
    if arguments.action == "run":
        code = run_again(current, arguments.name or "", printer)
        if plan.refusal:
            printer.fail(plan.refusal)
        return Exit.FAILED if plan.refusal else code
    document = describe(current, plan, arguments.name or "")
    lines = list_lines(document) if arguments.action == "list" else show_lines(document)
    printer.show(document, lines)
    return Exit.OK


def list_phases(plan: Plan) -> list[Phase]:
    """Return all hooks, with the one for when somebody comes."""
    return [*plan.phases, *([plan.attach] if plan.attach else [])]


def run_again(current: Context, name: str, printer: Printer) -> int:
    """Run all hooks again, or one and those that were skipped after it."""
    known = [each for each in KINDS if each.wanted(current.settings)]
    order = {attach.NAME: name} if name == AT_ATTACH else {kind.NAME: name}
    records = rerun.carry_out(current, known, order, printer)
    printer.show([asdict(each) for each in records], [])
    return Exit.FAILED if any(each.state in BAD for each in records) else Exit.OK


def run_final(current: Context, seconds: float, printer: Printer) -> int:
    """Run the hooks of the stop; `seconds` are left of it, from the start of this process."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    log = printer.open_log(kind.NAME, current.settings.agent.log_level)
    with ExitStack() as held:
        with suppress(setup.BusyError, OSError):  # nothing keeps these hooks from being run
            held.enter_context(setup.hold(current.facts, kind.NAME))
        left = seconds - proc.read_age()
        good = stopping.carry_out(current, left, Events(log), stop)
    return Exit.OK if good else Exit.FAILED


def describe(current: Context, plan: Plan, name: str) -> dict[str, Any]:
    """Return what is known of the hooks, for programs."""
    hooks = []
    for phase in list_phases(plan):
        if name in ("", phase.name):
            owner = attach.NAME if phase is plan.attach else kind.NAME
            unit = unit_record.read(current.facts, make_name(owner, phase.name))
            commands = [{"name": each.name, "command": list(each.argv), "shown": show_command(each)}
                        for each in phase.commands]  # fmt: skip
            hooks.append({
                "name": phase.name, "of_repository": phase.of_repository, "once": phase.once,
                "commands": commands, **_describe_unit(unit),
            })  # fmt: skip
    problems = [each for each in (plan.fault, plan.refusal) if each]
    return {
        "folder": str(plan.folder),
        "file": plan.file.name if plan.file else None,
        "trust": trust.find_verdict(current, plan.folder),
        "wait_for": plan.wait_for,
        "environment": plan.changes,
        "hooks": hooks,
        "problems": list(map(asdict, problems)),
        "notes": list(map(asdict, _find_notes(current, plan))),
    }


def _describe_unit(unit: Record | None) -> Mapping[str, Any]:
    if unit is None:
        return {"state": "waiting", "since": None, "took": None, "exit": None, "reason": ""}
    return {
        "state": unit.state, "since": unit.since, "took": unit.took, "exit": unit.exit,
        "reason": unit.reason,
    }  # fmt: skip


def _find_notes(current: Context, plan: Plan) -> list[Problem]:
    user = str(current.facts.uid)
    with suppress(KeyError):
        user = pwd.getpwuid(current.facts.uid).pw_name
    environ = current.facts.user_environ
    return list(find_notes(plan.file, environ, user)) if plan.file else []


def list_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each hook: how it stands, and why."""
    for hook in document["hooks"]:
        took = f" in {format_duration(hook['took'])}" if hook["took"] else ""
        code = f", exit code {hook['exit']}" if hook["exit"] else ""
        reason = f": {hook['reason']}" if hook["reason"] else ""
        yield f"{hook['name']:<14} {hook['state']}{took}{code}{reason}"
    yield from _explain_none(document)
    yield from _explain(document["problems"])


def show_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each hook runs, with its variables replaced, and what has no effect."""
    if document["file"]:
        yield f"{Path(document['folder']) / document['file']} (trust: {document['trust']})"
    for hook in document["hooks"]:
        for command in hook["commands"]:
            name = f"{hook['name']}:{command['name']}" if command["name"] else hook["name"]
            words = command["command"]
            yield f"{name:<14} {words[2] if words[:2] == ['/bin/sh', '-c'] else words}"
    yield from _explain_none(document)
    for name, value in document["environment"].items():
        yield f"unset {name}" if value is None else f"{name}={value}"
    yield from _explain(document["notes"])
    yield from _explain(document["problems"])


def _explain_none(document: Mapping[str, Any]) -> Iterator[str]:
    if not document["hooks"]:
        yield f"there are no hooks in {document['folder']}"


def _explain(rows: list[dict[str, str]]) -> Iterator[str]:
    for row in rows:
        yield f"{row['message']} ({row['hint']})" if row["hint"] else row["message"]
