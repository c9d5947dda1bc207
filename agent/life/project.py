"""The project folder: what the editor opens, and where hooks run."""

from pathlib import Path

from agent.settings.context import Context


def find_folder(context: Context) -> Path:
    """Return the folder of the project."""
    return context.settings.workspace.folder
