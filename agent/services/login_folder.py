"""Shows shells of ssh logins where the project is; the image's session.sh reads it.

Only where somebody asks for a project: else a login starts in the home, as everywhere.
"""

import os
from collections.abc import Iterator

from agent.machine.light import runtime
from agent.machine.planning.resources import File
from agent.machine.system import System
from agent.settings.context import Context
from agent.settings.project import find_folder
from agent.settings.step import Step


def resources(context: Context) -> Iterator[File]:
    """Yield the file with the folder of the project."""
    wanted = context.settings.repositories
    if wanted.entries or wanted.editor_folder:
        content = os.fsencode(f"{find_folder(context)}\n")
        yield File(context.facts.runtime / runtime.PROJECT, content, 0o600, adopt=True)


def note(context: Context) -> None:
    """Write it anew, since a clone may have come. Raises OSError."""
    for file in resources(context):
        System(context.facts.environ).write_file(file.path, file.content, file.mode)


STEP = Step("project", resources)
