"""Bring the workspace into the state that the settings describe. A second run changes nothing."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from agent import catalogue, owners, published, roster, runtime, store, supervisord, volumes
from agent.actions import WriteFile
from agent.backup import setup
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.hosts import find_accounts
from agent.log import LEVELS, Logger
from agent.plan import (
    LEDGER,
    Directory,
    File,
    Ledger,
    Plan,
    Resource,
    apply,
    find_hint,
    plan,
)
from agent.renewal.shelf import Shelf
from agent.roster import Roster
from agent.settings import find_warnings
from agent.sources import Failure, Found, find_source
from agent.system import Facts, System
from agent.tokens import publication
from agent.values import Boot
from agent.verbs import context
from agent.verbs.context import Context

STAGE_TIMEOUT = 10.0
"""Seconds that a stage may wait at one place, such as a mount whose server is gone."""


class Stage(NamedTuple):
    """What is planned and applied together, once the stages before it are in place."""

    name: str
    wanted: Callable[[Context], Iterable[Resource | Problem]]
    alone: Callable[[Context], AbstractContextManager[object]] = contextlib.nullcontext
    """Keeps others from what the stage writes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--boot",
        action="store_true",
        help="read the environment and write the boot file; for `run`",
    )
    parser.add_argument(
        "--log-level", choices=LEVELS, default="info", help="where DEV8_LOG_LEVEL says nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Configure; exit 0 also when parts could not be done: each is one line, and in `status`."""
    if arguments.boot:
        current = context.from_environ(os.environ)
        begin_life(current)
    else:
        current = context.load()
    log = make_logger(current, arguments.log_level)
    for warning in find_warnings(current.variables):
        log.warning(str(warning))
    outcome = carry_out_alone(current)
    for step, problem in outcome.problems:
        log.log(problem.level, str(problem), step=step)
    for step, words in outcome.announcements:
        log.announce(words, step=step)
    log.info("configured", changes=len(outcome.changes), problems=len(outcome.problems))
    return Exit.OK


def begin_life(current: Context) -> None:
    """Hold the runtime folder until this process ends, and forget an earlier life in it.

    Raises AgentError (exit 2) when it cannot be used.
    """
    folder = str(current.facts.runtime)
    try:
        runtime.hold(folder, current.facts.uid)
        runtime.clear(folder)
    except OSError as error:
        raise AgentError(Problem(runtime.explain(folder, error)), exit_code=Exit.USAGE) from error


def make_logger(current: Context, level: str) -> Logger:
    """Return a logger to standard error, which belongs to the container or to a person."""
    wanted = current.settings.agent.log_format
    readable = wanted == "text" or (wanted == "auto" and sys.stderr.isatty())
    return Logger("configure", current.settings.agent.log_level or level, readable=readable)


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
    yield Stage("machine", _machine_resources)
    yield Stage("settings", lambda now: store.resources(now.variables, now.facts))
    yield Stage("log", lambda now: store.hidden_resources(now.settings, now.facts))
    yield Stage("token", token_resources, _hold_hosts)
    for step in catalogue.STEPS:
        yield _stage_of_step(step)
    yield Stage("backup", _backup_resources)
    for kind in catalogue.SERVICES:
        yield _stage_of_service(kind)
    if current.running:
        yield Stage("services", _compare_services)
    else:
        yield Stage("boot", _boot_resources)


def _backup_resources(now: Context) -> Iterator[Resource | Problem]:
    return setup.resources(catalogue.BACKUP_TARGETS, now.settings, now.facts)


def _stage_of_step(step: catalogue.StepKind) -> Stage:
    return Stage(step.name, lambda now: step.resources(now.settings, now.facts))


def _stage_of_service(kind: catalogue.ServiceKind) -> Stage:
    return Stage(kind.name, lambda now: catalogue.resources_of(kind, now.settings, now.facts))


def carry_out_alone(current: Context) -> Outcome:
    """Carry out all stages while no refresh writes the same files. Raises AgentError."""
    path = current.facts.runtime / runtime.GH_LOCK
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(runtime.hold_lock(path))
        except OSError as error:
            raise _explain_runtime(path, error) from error
        return carry_out(current, stages(current))


def carry_out(current: Context, wanted_stages: Iterable[Stage]) -> Outcome:
    """Plan and apply these stages, save the ledger and the list of problems.

    Raises AgentError when the runtime folder cannot be written: nothing works without it.
    """
    facts, system = current.facts, System(current.facts.environ)
    ledger_path = facts.state / LEDGER
    ledger = Ledger.parse(_read_ledger(current))
    before = ledger.encode()
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    announcements: list[tuple[str, str]] = []
    for stage in wanted_stages:
        name = stage.name
        with context.deadline(STAGE_TIMEOUT):
            planned, failed = _carry_out_stage(stage, current, ledger)
        announcements += [(name, words) for words in _find_announcements(planned, facts)]
        changes += [(name, action.describe()) for action in planned.actions]
        told = {problem.message for _, problem in problems}  # another stage may need the same file
        found = (*planned.problems, *failed)
        problems += [(name, problem) for problem in found if problem.message not in told]
    try:
        if ledger.encode() != before:
            system.write_file(ledger_path, ledger.encode(), 0o600)
    except OSError as error:
        message = f"cannot write {ledger_path}: {error.strerror}"
        problems.append(("ledger", Problem(message, find_hint(error, ledger_path))))
    _save_problems(current, [item for item in problems if item[1].level != "info"])
    return Outcome(tuple(changes), tuple(problems), tuple(announcements))


def _carry_out_stage(
    stage: Stage, current: Context, ledger: Ledger
) -> tuple[Plan, Iterable[Problem]]:
    try:
        with stage.alone(current):
            planned = plan(stage.name, stage.wanted(current), current.facts, ledger)
            return planned, apply(planned, System(current.facts.environ), ledger)
    except OSError as error:
        words = f"cannot bring the {stage.name} about: {error.strerror}"
        return Plan(stage.name, (), ()), [Problem(words, "run again: devcopilot configure")]


def preview(current: Context) -> Outcome:
    """Plan every stage as if the earlier ones were applied; change nothing."""
    ledger = Ledger.parse(_read_ledger(current))
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    for name, wanted, _ in stages(current):
        planned = plan(name, wanted(current), current.facts, ledger)
        changes += [(name, action.describe()) for action in planned.actions]
        problems += [(name, problem) for problem in planned.problems]
        current = replace(current, facts=current.facts.with_pending(_written(planned)))
    return Outcome(tuple(changes), tuple(problems))


def _written(planned: Plan) -> dict[Path, bytes]:
    return {
        action.path: action.content for action in planned.actions if isinstance(action, WriteFile)
    }


def _find_announcements(planned: Plan, facts: Facts) -> Iterator[str]:
    """Yield what is to be told of the files that were made, secrets and all."""
    for action in planned.actions:
        if isinstance(action, WriteFile) and action.announcement:
            with contextlib.suppress(OSError):
                if facts.read(action.path) == action.content:
                    yield action.announcement


def _check_runtime(current: Context) -> Iterator[Problem]:
    """Yield a problem when secrets are written to a disk."""
    folder = current.facts.runtime
    with contextlib.suppress(OSError):
        if not volumes.is_in_memory(folder):
            yield Problem(
                f"the secrets of this container are written to a disk: {folder} is not on tmpfs",
                f"mount a tmpfs on it, or let {runtime.VARIABLE} name a folder on one",
            )


def _machine_resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield home and workspace, closed to others, and what is known of them."""
    facts, workspace = current.facts, current.settings.workspace.folder
    yield Directory(facts.home, 0o700)
    if os.access(workspace.parent, os.W_OK):
        yield Directory(workspace)
    yield from owners.close(facts, workspace)
    yield File(facts.runtime / runtime.MOUNTS, facts.mounts.encode(), 0o600, adopt=True)
    yield from current.problems
    yield from _check_runtime(current)


@contextmanager
def _hold_hosts(current: Context) -> Iterator[None]:
    """Keep every refresh from the tokens: what one has read is older than what it replaces."""
    hosts = find_accounts(current.settings, current.facts).hosts
    with contextlib.ExitStack() as held:
        for host in sorted({*hosts, *published.find_hosts(current.facts)}):
            held.enter_context(Shelf(host, current.facts).locked())
        yield


def token_resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield what publishes the tokens that are at hand, without network, and withdraws others."""
    accounts = find_accounts(current.settings, current.facts)
    yield from accounts.in_trouble.values()
    for account in accounts.known:
        source = find_source(account, catalogue.TOKEN_SOURCES)
        if source is None:
            continue
        found: Found = Failure(Problem("the first refresh makes it"))
        if source.lead is None:
            found = source.fetch(account, current.facts)
            if isinstance(found, Failure):
                yield found.problem
        origin = publication.Origin.of(account, source)
        yield from publication.resources(origin, found, current.facts)
    for host in published.find_hosts(current.facts):
        if host not in accounts.hosts:
            yield from publication.withdraw(host, current.facts)


def _boot_resources(current: Context) -> Iterator[Resource | Problem]:
    settings, facts = current.settings, current.facts
    services, problems = catalogue.services(settings, facts)
    yield from problems
    yield File(facts.runtime / runtime.SERVICES, _find_roster(current).encode(), 0o600, adopt=True)
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


def _compare_services(current: Context) -> Iterator[Problem]:
    """Tell of changed services, which a running container does not take."""
    yield from catalogue.services(current.settings, current.facts)[1]
    if _find_roster(current) != roster.read(current.facts.runtime):
        yield Problem(
            "the services have changed since the container was started",
            "restart the container to run them so",
            level="info",
        )


def _find_roster(current: Context) -> Roster:
    services, _ = catalogue.services(current.settings, current.facts)
    return Roster(tuple(services), catalogue.find_refused(current.settings, current.facts))


def _read_ledger(current: Context) -> bytes | None:
    try:
        return current.facts.read(current.facts.state / LEDGER)
    except OSError:
        return None


def make_rows(problems: Iterable[tuple[str, Problem]]) -> list[dict[str, str]]:
    """Return problems of stages as values for JSON."""
    return [
        {"step": step, "message": problem.message, "hint": problem.hint}
        for step, problem in problems
    ]


def _save_problems(current: Context, problems: list[tuple[str, Problem]]) -> None:
    path = current.facts.runtime / runtime.PROBLEMS
    try:
        runtime.write_atomic(str(path), json.dumps(make_rows(problems)).encode())
    except OSError as error:
        raise _explain_runtime(path, error) from error


def _explain_runtime(path: Path, error: OSError) -> AgentError:
    hint = "DEV8_RUNTIME_DIR names another folder on tmpfs"
    return AgentError(Problem(f"cannot write {path}: {error.strerror}", hint))
