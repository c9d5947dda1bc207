"""The backup targets, in one visible tuple. To add one, write one file and add one name."""

from agent.backup.targets import azure, local, s3
from agent.settings.everything import Settings

TARGETS = (local.TARGET, s3.TARGET, azure.TARGET)
"""Each that is configured gets every backup."""


def has_target(settings: Settings) -> bool:
    """Tell whether a target is asked for; whether it can be used does not matter."""
    return any(kind.is_configured(settings.backup) for kind in TARGETS)


def wants_backups(settings: Settings) -> bool:
    """Tell whether backups are made automatically."""
    return settings.backup.enabled and has_target(settings)


def explain_setting() -> str:
    """Return how a target is configured."""
    *names, last = [kind.variable for kind in TARGETS]
    return f"set {', '.join(names)} or {last}"
