"""Somebody types in a terminal: of ssh, the editor, tmux or `docker exec -t`."""

from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View


def look(view: View) -> Sighting:
    """Return when a key was read last."""
    typed = [(each.input, each.name) for each in view.terminals.values() if each.input is not None]
    if not typed:
        return Sighting(why="nobody has typed in a terminal" if view.terminals else "no terminal")
    last, name = max(typed)
    return Sighting(last, f"you typed in terminal pts/{name}")


SIGNAL = Signal(
    "terminal-input",
    "Somebody types in a terminal: of ssh, of the editor, in tmux, or of `docker exec -t`.",
    "always",
    look,
    of_person=True,
)
