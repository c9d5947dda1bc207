"""A browser has the editor open. Tabs are left open for days."""

from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View

START = 60.0
"""Seconds: code-server touches the file at its own start as well."""


def look(view: View) -> Sighting:
    """Return when code-server had a connection last: it touches a file each minute then."""
    heartbeat = view.rules.heartbeat
    last = view.find_stamp("tab", heartbeat) if heartbeat else None
    counts = view.rules.tabs
    is_connected = view.sockets.get(view.rules.editor_port, 0) > 0
    if last is None or not (is_connected or last > view.memory.begin + START):
        return Sighting(why="no browser has had the editor open", counts=counts)
    why = "" if counts else "an open tab does not count (DEV8_ACTIVITY_TABS)"
    return Sighting(last, "the editor is open in a browser", why=why, counts=counts)


SIGNAL = Signal(
    "tab",
    "A browser has the editor open: code-server notes it each minute.",
    "only with DEV8_ACTIVITY_TABS=true",
    look,
    of_person=True,
)
