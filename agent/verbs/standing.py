"""How the backups stand, for the verbs that tell of it; no target is asked for that."""

from datetime import UTC, datetime

from agent import catalogue
from agent.backup import record, report
from agent.backup.report import Row
from agent.target import find_targets
from agent.verbs.backup.work import find_plan
from agent.verbs.context import Context


def find_backups(current: Context) -> list[Row]:
    """Return a row for each target that the settings name."""
    settings, facts = current.settings, current.facts
    targets = find_targets(catalogue.BACKUP_TARGETS, settings, facts)
    plan = find_plan(current) if catalogue.wants_backups(settings) else None
    names = [target.name for target in targets.ready]
    known = record.read_all(facts)
    return report.describe(known, names, targets.in_trouble, plan, datetime.now(UTC))
