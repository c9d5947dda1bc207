"""git or gh was given a token: by the record that `devcopilot audit` prints."""

import os

from agent.machine.light import runtime
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View


def look(view: View) -> Sighting:
    """Return when a token was given out last."""
    last = view.find_stamp("git", os.path.join(view.folder, runtime.AUDIT))
    if last is None:
        return Sighting(why="no program has been given a token", counts=False)
    return Sighting(last, "a program was given a token", counts=False)


SIGNAL = Signal(
    "git",
    "git, gh or another program was given a GitHub token; `devcopilot audit` says which.",
    "never: editors fetch automatically",
    look,
)
