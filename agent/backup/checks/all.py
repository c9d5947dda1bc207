"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.backup.checks import history, repository, write
from agent.settings.check import Check

CHECKS: tuple[Check, ...] = (history.CHECK, write.CHECK, repository.CHECK)
