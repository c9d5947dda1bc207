"""Plans and applies everything that the settings describe, stage by stage."""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import field, replace
from pathlib import Path
from typing import NamedTuple

from agent.backup import prerequisites
from agent.backup.targets.all import TARGETS
from agent.github import start
from agent.machine.deadline import patient_deadline
from agent.machine.errors import AgentError, Problem
from agent.machine.hints import find_hint
from agent.machine.light import runtime
from agent.machine.planning.actions import WriteFile
from agent.machine.planning.ledger import LEDGER, Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.planning.resources import Directory, File, Resource
from agent.machine.storage import owners
from agent.machine.storage.mountinfo import is_in_memory
from agent.machine.system import Facts, System
from agent.machine.values import frozen
from agent.services.all import SERVICES
from agent.settings import stored
from agent.settings.context import PROBLEMS, Context
from agent.tools.all import TOOLS
from agent.workspace import given, handover, masked
from agent.workspace.all import STEPS

STAGE_TIMEOUT = 10.0
"""Seconds that a stage may wait at one place, such as a mount whose server is gone, or work."""


class Stage(NamedTuple):
    """What is planned and applied together, once the stages before it are in place."""

    name: str
    wanted: Callable[[Context], Iterable[Resource | Problem]]
    alone: Callable[[Context], AbstractContextManager[object]] = contextlib.nullcontext
    """Keeps others from what the stage writes."""
    begin: Callable[[Context], object] = lambda _: None
    """Starts what the stage waits for, while those before it are carried out."""


@frozen
class Outcome:
    """What a run over all stages did, or would do."""

    changes: tuple[tuple[str, str], ...]
    """(stage, description) of each action."""
    problems: tuple[tuple[str, Problem], ...]
    """(stage, problem)."""
    announcements: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """(stage, what is reported once); it may hold a secret that was made."""


def stages(current: Context) -> Iterator[Stage]:
    """Yield all stages in order: what later ones read, earlier ones have written."""
    yield Stage("machine", _machine_resources)
    yield Stage("settings", lambda now: stored.resources(now.variables, now.facts))
    yield Stage("log", masked.resources)
    yield Stage("token", start.resources, start.hold_hosts)
    for step in STEPS:
        yield Stage(step.name, step.resources, begin=step.begin)
    yield Stage("backup", _backup_resources)
    for kind in SERVICES:
        yield Stage(kind.name, kind.find_resources, begin=kind.begin)
    # Last: the problem of a secret is reported under the part that uses it.
    yield Stage("secrets", given.check_secrets)
    if current.running:
        yield Stage("services", handover.compare_services)
    else:
        yield Stage("boot", handover.resources)


def _backup_resources(now: Context) -> Iterator[Resource | Problem]:
    return prerequisites.resources(TARGETS, now.settings, now.facts)


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
    facts = current.facts
    ledger = LEDGER.read(facts)
    before = dict(ledger.entries)
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    announcements: list[tuple[str, str]] = []
    wanted_stages = tuple(wanted_stages)
    for stage in wanted_stages:
        _begin(stage, current)
    for stage in wanted_stages:
        name = stage.name
        with patient_deadline(STAGE_TIMEOUT):
            planned, failed = _carry_out_stage(stage, current, ledger)
        announcements += [(name, words) for words in _find_announcements(planned, facts)]
        changes += [(name, action.describe()) for action in planned.actions]
        told = {problem.message for _, problem in problems}  # another stage may need the same file
        found = (*planned.problems, *failed)
        problems += [(name, problem) for problem in found if problem.message not in told]
    try:
        if ledger.entries != before:
            LEDGER.write(facts, ledger)
    except OSError as error:
        path = LEDGER.path(facts)
        message = f"cannot write {path}: {error.strerror}"
        problems.append(("ledger", Problem(message, find_hint(error, path))))
    _save_problems(current, [item for item in problems if item[1].level != "info"])
    return Outcome(tuple(changes), tuple(problems), tuple(announcements))


def _begin(stage: Stage, current: Context) -> None:
    with contextlib.suppress(OSError), patient_deadline(STAGE_TIMEOUT):
        stage.begin(current)  # which the stage does itself where this fails


def _carry_out_stage(
    stage: Stage, current: Context, ledger: Ledger
) -> tuple[Plan, Iterable[Problem]]:
    try:
        with stage.alone(current):
            planned = plan(stage.name, stage.wanted(current), current.facts, ledger)
            return planned, apply(planned, System(current.facts.environ), ledger)
    except OSError as error:
        words = f"cannot set up the {stage.name}: {error.strerror}"
        return Plan(stage.name, (), ()), [Problem(words, "run again: devcopilot configure")]


def preview(current: Context) -> Outcome:
    """Plan every stage as if the earlier ones were applied; change nothing."""
    ledger = LEDGER.read(current.facts)
    changes: list[tuple[str, str]] = []
    problems: list[tuple[str, Problem]] = []
    for name, wanted, *_ in stages(current):
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
    """Yield what to report of the files that were made, secrets and all."""
    for action in planned.actions:
        if isinstance(action, WriteFile) and action.announcement:
            with contextlib.suppress(OSError):
                if facts.read(action.path) == action.content:
                    yield action.announcement


def _check_runtime(current: Context) -> Iterator[Problem]:
    """Yield a problem when secrets are written to a disk."""
    folder = current.facts.runtime
    if is_in_memory(folder) is False:
        yield Problem(
            f"the secrets of this container are written to a disk: {folder} is not on tmpfs",
            f"mount a tmpfs there, or set {runtime.VARIABLE} to a folder on one",
        )


def _machine_resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield home and workspace, closed to others, and what is known of them."""
    facts, workspace = current.facts, current.settings.workspace.folder
    yield Directory(facts.home, 0o700)
    if os.access(workspace.parent, os.W_OK):
        yield Directory(workspace)
    yield from owners.close(facts, workspace, [name for tool in TOOLS for name in tool.secrets])
    yield File(facts.runtime / runtime.MOUNTS, facts.mounts.encode(), 0o600, adopt=True)
    yield from current.problems
    yield from _check_runtime(current)


def make_document(outcome: Outcome) -> dict[str, list[dict[str, str]]]:
    """Return an outcome as values for JSON; secrets that were made are not in it."""
    changes = [{"step": step, "change": change} for step, change in outcome.changes]
    return {"changes": changes, "problems": make_rows(outcome.problems)}


def make_rows(problems: Iterable[tuple[str, Problem]]) -> list[dict[str, str]]:
    """Return problems of stages as values for JSON."""
    return [
        {"step": step, "message": problem.message, "hint": problem.hint}
        for step, problem in problems
    ]


def _save_problems(current: Context, problems: list[tuple[str, Problem]]) -> None:
    try:
        PROBLEMS.write(current.facts, make_rows(problems))
    except OSError as error:
        raise _explain_runtime(PROBLEMS.path(current.facts), error) from error


def _explain_runtime(path: Path, error: OSError) -> AgentError:
    hint = "set DEV8_RUNTIME_DIR to another folder on tmpfs"
    return AgentError(Problem(f"cannot write {path}: {error.strerror}", hint))
