"""Whether the password opens each repository, and who has locked it."""

from collections.abc import Iterator

from agent.backup import record
from agent.backup.open_targets import open_restic
from agent.backup.restic import locks
from agent.backup.restic.client import Code, Restic, ResticError
from agent.backup.target import find_targets
from agent.backup.targets.all import TARGETS
from agent.machine.light.human import format_duration
from agent.machine.programs.follow import ENDED, Limits
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

LIMITS = Limits(first=20.0, stall=20.0, total=40.0)
ANEW = (
    "mount the volume, or set the right bucket; if it is gone for good: "
    "devcopilot backup create --anew"
)


def look(current: Context) -> Iterator[Finding]:
    """Yield what is found on each destination."""
    targets = find_targets(TARGETS, current.settings, current.facts)
    for target in targets.ready:
        restic = open_restic(target, current, lambda _: None)
        try:
            listing = restic.list_snapshots(limits=LIMITS)
            held = list(judge_locks(restic))
        except ResticError as error:
            yield explain(error, restic)
            continue
        if listing.damaged:
            summary = f"{len(listing.damaged)} backups on {target.name} cannot be read"
            yield Finding(Result.FAIL, summary, "devcopilot backup verify", part=target.name)
        yield from held
        count = len(listing.snapshots)
        summary = f"the password opens {target.name}, which lists {count} backups"
        yield Finding(Result.OK, summary, facts={"backups": count}, part=target.name)


def explain(error: ResticError, restic: Restic) -> Finding:
    """Return what a failure of restic means."""
    name, problem = restic.target.name, error.problem
    if error.finished.code == Code.NO_REPOSITORY:
        if record.read(restic.facts, name).made:
            return Finding(Result.FAIL, problem.message, ANEW, part=name)
        summary = f"there is no repository on {name} yet; the first backup creates it"
        return Finding(Result.SKIPPED, summary, "devcopilot backup create", part=name)
    result = Result.UNKNOWN if error.finished.code == ENDED else Result.FAIL
    return Finding(result, problem.message, problem.hint or "devcopilot doctor backup-write",
                   part=name)  # fmt: skip


def judge_locks(restic: Restic) -> Iterator[Finding]:
    """Yield a finding for each lock. Raises ResticError."""
    name, judge = restic.target.name, locks.make_judge(restic.facts)
    for lock in locks.find_locks(restic):
        age = format_duration((judge.now - lock.time).total_seconds())
        if judge.is_dead(lock):
            summary = f"{name} has a lock of a program that is gone ({age} old)"
            fix = "`devcopilot backup create` removes it"
            yield Finding(Result.WARN, summary, fix, part=name)
        else:
            hint = locks.explain_wait([lock], name)
            yield Finding(Result.OK, f"{name} is in use by {lock}", hint, part=name)


CHECK = Check(
    "backup-repository", "Backups", "whether the password opens each repository, and its locks",
    look, network=True, documents="docs/backups.md#problems-and-fixes", timeout=90.0,
)  # fmt: skip
