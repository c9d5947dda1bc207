"""The targets that a command works on, and restic on each."""

from collections.abc import Callable

from agent.backup.restic.client import Restic
from agent.backup.target import PROGRAM, Target, Targets, find_targets
from agent.backup.targets.all import TARGETS, explain_setting
from agent.machine.errors import AgentError, Problem, UsageError
from agent.settings.context import Context


def find_wanted_targets(current: Context, only: str | None = None) -> Targets:
    """Return the targets, or the one of this name. Raises AgentError when there is none."""
    targets = find_targets(TARGETS, current.settings, current.facts)
    if only:
        ready = tuple(target for target in targets.ready if target.name == only)
        trouble = {name: why for name, why in targets.in_trouble.items() if name == only}
        targets = Targets(ready, trouble)
    if not targets:
        cause = f"{only} is not configured" if only else "no destination is configured"
        raise UsageError(f"cannot work on backups: {cause}", explain_setting())
    if current.facts.which(PROGRAM) is None:
        raise AgentError(Problem("cannot work on backups: restic is not installed"))
    return targets


def open_restic(target: Target, current: Context, tell: Callable[[str], None]) -> Restic:
    """Return restic on this target, as the settings want it; `tell` gets what is worth knowing."""
    return Restic(target, current.facts, memory=current.settings.backup.memory, tell=tell)
