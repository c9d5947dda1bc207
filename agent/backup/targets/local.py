"""A folder of the machine: a volume, or what somebody has mounted."""

import os
from pathlib import Path

from agent.backup.target import Target, TargetKind, name_workspace
from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.settings.everything import Settings


def find(settings: Settings, _: Facts) -> Target | Problem | None:
    """Return the target that BACKUP_DIR names."""
    folder = settings.backup.folder
    if folder is None:
        return None
    workspace = Path(os.path.realpath(settings.workspace.folder))
    place = folder / name_workspace(settings)
    real = Path(os.path.realpath(place))
    if real.is_relative_to(workspace) or workspace.is_relative_to(real):
        return Problem(
            f"cannot back up to BACKUP_DIR={folder}: {place} is in the workspace, or contains it",
            "use a folder on another volume",
        )
    return Target("local", str(place), folder=place)


TARGET = TargetKind("local", "BACKUP_DIR", lambda backup: bool(backup.folder), find)
