"""Planning: what a step wants, compared with what is there.

A step names the *resources* it wants; `plan` compares them with the machine and with the ledger
(what the agent wrote before) and yields the *actions* that are missing. In the desired state there
is none. The rule of ownership lives here and nowhere else:

- a `File` is the agent's whole. One that somebody else made or changed is left alone and said so.
- a `Seed` and a `Generated` are made when absent, and from then on are the user's.
- an `Edit` is a change inside a user's file, which the step computes from what is there.
- a `Keep` is what a step would make if its source were not in trouble: it loses nothing meanwhile.
- what leads into the user's dotfiles is never written: they may be pushed to a public place.
- a file of the ledger that its step no longer wants is taken back, if nobody changed it.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.hints import find_hint
from agent.machine.light import faults
from agent.machine.planning.actions import (
    Action,
    ChangeMode,
    MakeDirectory,
    RemoveFile,
    RunCommand,
    WriteFile,
)
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.resources import (
    Closed,
    Directory,
    Edit,
    File,
    Generated,
    Keep,
    Private,
    Resource,
    Seed,
)
from agent.machine.system import Facts, System
from agent.machine.values import frozen


@frozen
class Plan:
    """What one step still has to do, and what it cannot do."""

    step: str
    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]


def plan(step: str, wanted: Iterable[Resource | Problem], facts: Facts, ledger: Ledger) -> Plan:
    """Compare what a step wants with what is there. Reads files; changes nothing."""
    actions: list[Action] = []
    problems: list[Problem] = []
    kept: set[Path] = set()
    try:
        for item in wanted:
            if isinstance(item, Problem):
                problems.append(item)
                continue
            kept.add(item.path)
            outcome = _compare(item, facts, ledger)
            if isinstance(outcome, Problem):
                problems.append(outcome)
            elif outcome is not None:
                actions.append(outcome)
    except Exception as error:
        # The step itself failed: what it would still have wanted is unknown.
        name = getattr(error, "filename", None)
        problems.append(
            _explain(error, Path(os.fsdecode(name)) if name else None, f"the step {step}")
        )
        kept.update(ledger.paths_of(step))
    for path in ledger.paths_of(step):
        if path not in kept and (action := _take_back(path, facts, ledger)):
            actions.append(action)
    return Plan(step, tuple(actions), tuple(problems))


def apply(planned: Plan, system: System, ledger: Ledger) -> tuple[Problem, ...]:
    """Carry a plan out and note what became ours.

    What failed is returned, one problem a cause; the rest is done.
    """
    failed: dict[str, list[tuple[Action, OSError]]] = {}
    for action in planned.actions:
        try:
            action.apply(system)
        except OSError as error:
            failed.setdefault(_cause(error), []).append((action, error))
            continue
        if isinstance(action, WriteFile) and action.owned:
            ledger.remember(planned.step, action.path, action.content)
        elif isinstance(action, RemoveFile):
            ledger.forget(action.path)
    return tuple(_sum_up(cases) for cases in failed.values())


def _sum_up(cases: list[tuple[Action, OSError]]) -> Problem:
    action, error = cases[0]
    others = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
    return Problem(
        f"cannot {action.describe()}{others}: {_cause(error)}", find_hint(error, action.path)
    )


def _compare(item: Resource, facts: Facts, ledger: Ledger) -> Action | Problem | None:
    try:
        found = _plan_resource(item, facts, ledger)
        if found is None or isinstance(found, Problem) or not facts.is_dotfile(item.path):
            return found
    except Exception as error:
        return _explain(error, item.path, str(item.path))
    return Problem(
        f"left {item.path} alone: it is in your dotfiles, and lacks what the agent would write",
        f"remove the link {item.path} to let the agent write the file",
        level="info",
    )


def _explain(error: Exception, path: Path | None, part: str) -> Problem:
    """Return what is wrong with a file; any other exception is a fault of the agent's own.

    That one costs the part in which it happened, never the start of the container.
    """
    if isinstance(error, OSError) and path:
        return Problem(f"cannot read {path}: {_cause(error)}", find_hint(error, path))
    if isinstance(error, OSError):
        return Problem(f"cannot plan {part}: {_cause(error)}")
    message = f"cannot plan {part}: internal error: {faults.describe(error)}"
    return Problem(message, "please report this line")


def _cause(error: OSError) -> str:
    return error.strerror or str(error)


def _plan_resource(item: Resource, facts: Facts, ledger: Ledger) -> Action | Problem | None:
    match item:
        case Directory() | Seed() | Generated():
            return _plan_absent(item) if facts.mode(item.path) is None else None
        case Closed(path):
            # What everybody may write has been opened on purpose.
            in_group = facts.owner(path) == (facts.uid, 0)
            is_open = in_group and (facts.mode(path) or 0) & 0o022 == 0o020
            return _plan_narrower(path, 0o020, facts) if is_open else None
        case Private(path, bits):
            return _plan_narrower(path, bits, facts)
        case File():
            return _plan_file(item, facts, ledger)
        case Edit():
            return _plan_edit(item, facts)
        case Keep():
            return None


def _plan_absent(item: Directory | Seed | Generated) -> Action:
    """Make what is not there."""
    match item:
        case Directory(path, mode):
            return MakeDirectory(path, mode)
        case Seed(path, content, mode, words):
            return WriteFile(path, content(), mode, False, words, True)
        case Generated(path, argv):
            return RunCommand(path, argv)


def _plan_narrower(path: Path, bits: int, facts: Facts) -> Action | None:
    """Take permission bits from what is ours, as far as its file system has modes."""
    mode, owner = facts.mode(path), facts.owner(path)
    if mode is None or owner is None or owner[0] != facts.uid:
        return None
    wanted = mode & ~bits
    if facts.has_mode(path, wanted) or os.statvfs(path).f_flag & os.ST_RDONLY:
        return None
    return ChangeMode(path, wanted)


def _plan_file(item: File, facts: Facts, ledger: Ledger) -> Action | Problem | None:
    present = facts.read(item.path)
    # The ledger outlives the runtime folder: what it said of a file in there could be wrong.
    lasts = facts.runtime not in item.path.parents
    write = WriteFile(item.path, item.content, item.mode, owned=lasts and not item.stays)
    if present == item.content:
        same_mode = facts.has_mode(item.path, item.mode)
        known = item.adopt or ledger.owns(item.path, present)
        return None if same_mode and known else write
    if present is None or item.adopt or ledger.owns(item.path, present):
        return write
    return Problem(
        f"left {item.path} alone: the agent did not write it, or you changed it",
        f"remove {item.path} to let the agent manage it",
    )


def _plan_edit(item: Edit, facts: Facts) -> Action | Problem | None:
    present = facts.read(item.path)
    desired = item.change(present)
    if isinstance(desired, Problem):
        return desired
    if desired == present:
        return None if item.mode & 0o077 else _plan_narrower(item.path, 0o077, facts)
    if desired is None:
        return RemoveFile(item.path)
    mode = facts.mode(item.path)
    return WriteFile(item.path, desired, item.mode if mode is None else mode & item.mode, False)


def _take_back(path: Path, facts: Facts, ledger: Ledger) -> Action | None:
    try:
        present = facts.read(path)
    except OSError:
        return None
    if present is not None and not ledger.owns(path, present):
        return None
    return RemoveFile(path)
