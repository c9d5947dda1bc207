"""What follows a scheduled backup: old ones are forgotten, their space is freed, all is checked."""

from collections.abc import Sequence

from agent.backup import record
from agent.backup.create.snapshot import BackupResult
from agent.backup.open_targets import open_restic
from agent.backup.restic.client import Restic, ResticError
from agent.backup.target import Target
from agent.backup.upkeep import retention, verification
from agent.machine import hints
from agent.machine.light.log import Logger
from agent.settings.context import Context


def look_after(
    current: Context, targets: Sequence[Target], made: Sequence[BackupResult], log: Logger
) -> bool:
    """Do what is due on these targets, and log it; return whether all went well.

    `made`: the backups of this round. The caller holds the lock.
    """
    new = {item.target: item for item in made}
    results = [_look_after(current, target, new.get(target.name), log) for target in targets]
    return all(results)


def is_due(current: Context, target: Target) -> bool:
    """Tell whether a target has something to be done beside a backup."""
    known, now = record.read(current.facts, target.name), current.facts.clock.now()
    backup = current.settings.backup
    return retention.is_prune_due(known, backup.prune_interval, now) or verification.is_due(
        known, backup.verify_interval, now
    )


def _look_after(current: Context, target: Target, made: BackupResult | None, log: Logger) -> bool:
    restic = open_restic(target, current, log.warning)
    if record.read(current.facts, target.name).problem:
        return True  # the backup has told of it; nothing is deleted now
    try:
        _forget(restic, current, made, log)
        _prune(restic, current, log)
        return _verify(restic, current, log)
    except ResticError as error:
        log.warning(str(error.problem), target=target.name)
    except OSError as error:
        log.warning(str(hints.explain(error, f"maintain {target.name}")), target=target.name)
    return False


def _forget(restic: Restic, current: Context, made: BackupResult | None, log: Logger) -> None:
    if made is None or made.snapshot is None or made.unchanged:
        return
    done = retention.forget(restic, current.settings, made.snapshot)
    if done.warning:
        log.warning(str(done.warning), target=made.target)
    if done.removed:
        log.info("removed old backups", target=made.target, removed=done.removed,
                 kept=done.kept)  # fmt: skip


def _prune(restic: Restic, current: Context, log: Logger) -> None:
    name, clock = restic.target.name, current.facts.clock
    interval = current.settings.backup.prune_interval
    if retention.is_prune_due(record.read(current.facts, name), interval, clock.now()):
        retention.prune(restic)
        log.info("freed the space of removed backups", target=name)


def _verify(restic: Restic, current: Context, log: Logger) -> bool:
    name, clock = restic.target.name, current.facts.clock
    known = record.read(current.facts, name)
    if not verification.is_due(known, current.settings.backup.verify_interval, clock.now()):
        return True
    found = verification.verify(restic, current.settings)
    if found.finding:
        log.error(f"the backups on {name}: {found.finding}", target=name)
        return False
    log.info("the backups are good", target=name, part=found.part, parts=found.parts,
             files=found.trial.files, compared=found.trial.compared)  # fmt: skip
    return True
