"""A folder of the machine: a volume, or what somebody has mounted."""

from agent.errors import Problem
from agent.settings import Settings
from agent.system import Facts
from agent.target import Target, TargetKind, name_workspace


def find(settings: Settings, _: Facts) -> Target | Problem | None:
    """Return the target that BACKUP_DIR names."""
    folder = settings.backup.folder
    if folder is None:
        return None
    workspace = settings.workspace.folder
    if folder == workspace or folder.is_relative_to(workspace):
        return Problem(
            f"cannot back up to BACKUP_DIR={folder}: it is in the workspace",
            "name a folder on another volume",
        )
    place = folder / name_workspace(settings)
    return Target("local", str(place), folder=place)


TARGET = TargetKind("local", find)
