"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.settings.check import Check
from agent.workspace.checks import project, remotes

CHECKS: tuple[Check, ...] = (remotes.CHECK, project.CHECK)
"""In the order of what fails people at most."""
