"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.settings.check import Check
from agent.tools.checks import keys, login, sandbox, settings

CHECKS: tuple[Check, ...] = (keys.CHECK, settings.CHECK, login.CHECK, sandbox.CHECK)
"""In the order of what fails people at most."""
