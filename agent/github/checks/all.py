"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.github.checks import git_settings, helper, overrides, sso, token
from agent.settings.check import Check

CHECKS: tuple[Check, ...] = (
    token.CHECK,
    sso.CHECK,
    helper.CHECK,
    overrides.CHECK,
    git_settings.CHECK,
)
"""In the order of what fails people at most."""
