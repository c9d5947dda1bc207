"""The agent prepares the workspace: a clone, hooks, extensions; or it makes a backup."""

import os

from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View, read_object

FOLDER = "units"
"""In the runtime folder; see `agent.machine.unit_record`."""
BACKUP = "backup"
"""The job."""


def look(view: View) -> Sighting:
    """Return whether something is being prepared."""
    for name in list_units(view.folder):
        if read_object(os.path.join(view.folder, FOLDER, name)).get("state") == "running":
            unit = name.removesuffix(".json")
            return Sighting(view.now.boot, f"{unit} is being set up")
    jobs = view.state.get("jobs")
    job = jobs.get(BACKUP) if isinstance(jobs, dict) else None
    if isinstance(job, dict) and job.get("running"):
        return Sighting(why="a backup is being made", holds=True)
    return Sighting(why="nothing is being set up")


def list_units(folder: str) -> list[str]:
    """Return the files of the units."""
    try:
        return sorted(n for n in os.listdir(os.path.join(folder, FOLDER)) if n.endswith(".json"))
    except OSError:
        return []


SIGNAL = Signal(
    "units",
    "The agent prepares the workspace: it clones, or runs hooks or dotfiles, or installs "
    "extensions.",
    "while it goes on; a running backup only delays a stop",
    look,
)
