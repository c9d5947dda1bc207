"""Bring the workspace into the state that the settings describe. A second run changes nothing."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent import catalogue, runtime, store, supervisord
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.log import Logger
from agent.plan import LEDGER, Boot, Directory, File, Ledger, Plan, Resource, WriteFile, apply, plan
from agent.settings import find_warnings
from agent.system import System
from agent.tokens import publication
from agent.verbs import context
from agent.verbs.context import Context

Stage = tuple[str, Callable[[Context], Iterable[Resource | Problem]]]
"""The name of a stage, and what it wants once the stages before it are in place."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--boot",
        action="store_true",
        help="read the environment and write the boot file; for `run`",
    )


def run(arguments: argparse.Namespace) -> int:
    """Configure; exit 0 also when parts could not be done: each is one line, and in `status`."""
    if arguments.boot:
        current = context.from_environ(os.environ)
        runtime.make(str(current.facts.runtime), current.facts.uid)
    else:
        current = context.load()
    log = make_logger(current)
    for warning in find_warnings(current.variables):
        log.warning(str(warning))
    outcome = carry_out(current)
    for step, problem in outcome.problems:
        log.log(problem.level, str(problem), step=step)
    for step, words in outcome.announcements:
        log.info(words, step=step)
    log.info("configured", changes=len(outcome.changes), problems=len(outcome.problems))
    return Exit.OK


def make_logger(current: Context) -> Logger:
    """Return a logger to standard error, which belongs to the container or to a person."""
    wanted = current.settings.agent.log_format
    readable = wanted == "text" or (wanted == "auto" and sys.stderr.isatty())
    return Logger("configure", current.settings.agent.log_level or "info", readable=readable)


@dataclass(frozen=True)
class Outcome:
    """What a run over all stages did, or would do."""

    changes: tuple[tuple[str, str], ...]
    """(stage, description) of each action."""
    problems: tuple[tuple[str, Problem], ...]
    """(stage, problem)."""
    announcements: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(stage, what is told once); it may hold a secret that was made."""


def stages(current: Context) -> Iterator[Stage]:
    """Yield all stages in order: what later ones read, earlier ones have written."""
    yield "machine", lambda _: (*_own_folders(current), *current.problems)
    yield "settings", lambda now: store.resources(now.variables, now.facts)
    yield (
        "token",
        lambda now: publication.resources(now.settings, now.facts, catalogue.TOKEN_SOURCES),
    )
    for step in catalogue.STEPS:
        yield _stage_of_step(step)
    for kind in catalogue.SERVICES:
        yield _stage_of_service(kind)
    yield "boot", _boot_resources


def _stage_of_step(step: catalogue.StepKind) -> Stage:
    return step.name, lambda now: step.resources(now.settings, now.facts)


def _stage_of_service(kind: catalogue.ServiceKind) -> Stage:
    return kind.name, lambda now: catalogue.resources_of(kind, now.settings, now.facts)


def carry_out(current: Context) -> Outcome:
    """Plan and apply every stage, save the ledger and the list of problems.

    Raises AgentError when the runtime folder cannot be written: nothing works without it.
    """
    facts, system = current.facts, System(current.facts.environ)
    ledger_path = facts.state / LEDGER
    ledger = Ledger.parse(_read_ledger(current))
    before = ledger.encode()
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    announcements: list[tuple[str, str]] = []
    for name, wanted in stages(current):
        planned = plan(name, wanted(current), facts, ledger)
        announcements += [(name, words) for words in planned.announcements]
        failed = apply(planned, system, ledger)
        changes += [(name, action.describe()) for action in planned.actions]
        problems += [(name, problem) for problem in (*planned.problems, *failed)]
    try:
        if ledger.encode() != before:
            system.write_file(ledger_path, ledger.encode(), 0o600)
    except OSError as error:
        problems.append(("ledger", Problem(f"cannot write {ledger_path}: {error.strerror}")))
    _save_problems(current, [item for item in problems if item[1].level != "info"])
    return Outcome(tuple(changes), tuple(problems), tuple(announcements))


def preview(current: Context) -> Outcome:
    """Plan every stage as if the earlier ones were applied; change nothing."""
    ledger = Ledger.parse(_read_ledger(current))
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    for name, wanted in stages(current):
        planned = plan(name, wanted(current), current.facts, ledger)
        changes += [(name, action.describe()) for action in planned.actions]
        problems += [(name, problem) for problem in planned.problems]
        current = replace(current, facts=current.facts.with_pending(_written(planned)))
    return Outcome(tuple(changes), tuple(problems))


def _written(planned: Plan) -> dict[Path, bytes]:
    return {
        action.path: action.content for action in planned.actions if isinstance(action, WriteFile)
    }


def _own_folders(current: Context) -> Iterator[Directory]:
    yield Directory(current.facts.home, 0o700, closed=True)
    if os.access(current.settings.workspace.folder.parent, os.W_OK):
        yield Directory(current.settings.workspace.folder)


def _boot_resources(current: Context) -> Iterator[Resource | Problem]:
    settings, facts = current.settings, current.facts
    services, problems = catalogue.services(settings, facts)
    yield from problems
    yield from supervisord.resources(services, facts, settings.agent.stop_timeout)
    boot = Boot(
        environment=facts.environ,
        log_format=settings.agent.log_format,
        log_level=settings.agent.log_level,
        streams=tuple(service.name for service in services),
        supervisord=supervisord.command(facts) if services else (),
        essential=tuple(service.name for service in services if service.essential),
        jobs=catalogue.jobs(settings),
        stop_timeout=settings.agent.stop_timeout,
    )
    yield File(facts.runtime / runtime.BOOT, boot.encode(), 0o600, adopt=True)


def _read_ledger(current: Context) -> bytes | None:
    try:
        return current.facts.read(current.facts.state / LEDGER)
    except OSError:
        return None


def _save_problems(current: Context, problems: list[tuple[str, Problem]]) -> None:
    path = current.facts.runtime / runtime.PROBLEMS
    rows = [
        {"step": step, "message": problem.message, "hint": problem.hint}
        for step, problem in problems
    ]
    try:
        runtime.write_atomic(str(path), json.dumps(rows).encode())
    except OSError as error:
        raise AgentError(
            Problem(
                f"cannot write {path}: {error.strerror}",
                "DEV8_RUNTIME_DIR names another folder on tmpfs",
            )
        ) from error
