"""Somebody uses the editor: its companion extension says so, in the browser and over SSH alike."""

import os

from agent.machine.light import runtime
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View

FILE = os.path.join(runtime.ACTIVITY, "editor")
"""In the runtime folder; `agent/workspace/editor-companion/extension.js` touches it."""


def look(view: View) -> Sighting:
    """Return when somebody typed, selected or opened something."""
    last = view.find_stamp("editor", os.path.join(view.folder, FILE))
    if last is None:
        return Sighting(why="nobody has used the editor yet")
    return Sighting(last, "you used the editor")


SIGNAL = Signal(
    "editor",
    "Somebody types, selects or opens something in the editor, in the browser or over SSH.",
    "always",
    look,
    of_person=True,
)
