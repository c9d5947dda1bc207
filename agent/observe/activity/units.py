"""The agent prepares the workspace: a clone, hooks, extensions; or it makes a backup."""

import os

from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View, read_object

FOLDER = "units"
"""In the runtime folder; see `agent.machine.records.unit_record`."""
BACKUP = "backup"
"""The job."""


def look(view: View) -> Sighting:
    """Return whether something is being prepared."""
    for name in list_units(view.folder):
        unit = name.removesuffix(".json")
        if is_running(unit, view.folder):
            return Sighting(view.now.boot, f"{unit} is being set up")
    jobs = view.state.get("jobs")
    job = jobs.get(BACKUP) if isinstance(jobs, dict) else None
    if isinstance(job, dict) and job.get("running"):
        return Sighting(why="a backup is being made", holds=True)
    return Sighting(why="nothing is being set up")


def is_running(unit: str, folder: str) -> bool:
    """Return whether somebody works on a unit: one who was killed has left it running."""
    if read_object(os.path.join(folder, FOLDER, f"{unit}.json")).get("state") != "running":
        return False
    from agent.machine.storage import holders  # noqa: PLC0415 - few looks find such a unit

    return holders.is_held(os.path.join(folder, FOLDER, f"{unit.partition(':')[0]}.lock"))


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
