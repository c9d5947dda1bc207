"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.life.checks import units
from agent.settings.check import Check

CHECKS: tuple[Check, ...] = (units.CHECK,)
