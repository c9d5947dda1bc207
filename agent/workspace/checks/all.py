"""All checks of this room, in one visible tuple. To add one, write one file and add one name."""

from agent.settings.check import Check
from agent.workspace.checks import identity, project, remotes, signing, signing_key, ssh

CHECKS: tuple[Check, ...] = (
    remotes.CHECK,
    identity.CHECK,
    project.CHECK,
    ssh.CHECK,
    signing.CHECK,
    signing_key.CHECK,
)
"""In the order of what fails people at most."""
