"""The project folder: what the editor opens, and where hooks run."""

from pathlib import Path

from agent.settings.context import Context


def find_folder(context: Context) -> Path:
    """Return the folder of the project: the one asked for, the one clone, or the workspace.

    A clone that is not there yet is not the project's folder yet: an editor that opened it would
    be in its way.
    """
    wanted = find_editor_path(context)
    return wanted.parent if wanted.is_file() else wanted


def find_editor_path(context: Context) -> Path:
    """Return what the editor opens: a folder, or a .code-workspace file."""
    settings, workspace = context.settings.repositories, context.settings.workspace.folder
    entries = settings.entries or ()
    name = settings.editor_folder or (entries[0].folder if len(entries) == 1 else "")
    wanted = workspace / name  # an absolute one stays as it is
    return wanted if wanted.exists() else workspace
