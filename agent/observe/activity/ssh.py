"""Somebody is connected over SSH. That alone says little: connections are left open."""

from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View


def look(view: View) -> Sighting:
    """Return whether there is a connection."""
    count = view.sockets.get(view.rules.ssh_port, 0)
    if not count:
        return Sighting(why="no connection now", counts=False)
    what = "1 SSH connection" if count == 1 else f"{count} SSH connections"
    return Sighting(view.now.boot, what, counts=False)


SIGNAL = Signal("ssh", "There is a connection over SSH.", "never: it is only shown", look)
