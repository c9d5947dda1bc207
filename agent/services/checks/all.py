"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.services.checks import editor, ports, running
from agent.settings.check import Check

CHECKS: tuple[Check, ...] = (running.CHECK, ports.CHECK, editor.CHECK)
