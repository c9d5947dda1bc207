"""Somebody has asked that the workspace keeps running: `devcopilot keep`."""

from agent.observe.activity import leases
from agent.observe.activity.leases import Lease
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View


def find(view: View) -> list[Lease]:
    """Return the leases that hold."""
    return leases.read_all(view.folder, view.proc, view.now.boot)


def look(view: View) -> Sighting:
    """Return whether there is a lease."""
    held = view.once(find)
    if not held:
        return Sighting(why="no lease")
    longest = max(held, key=lambda lease: lease.until)
    return Sighting(view.now.boot, f"`devcopilot keep` holds it: {longest.why}")


SIGNAL = Signal(
    "lease",
    "`devcopilot keep` has asked for it: for a time, or as long as a command or process runs.",
    "while it holds, at most DEV8_KEEP_MAX",
    look,
    of_person=True,
)
