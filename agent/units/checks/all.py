"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.settings.check import Check
from agent.units.checks import units

CHECKS: tuple[Check, ...] = (units.CHECK,)
