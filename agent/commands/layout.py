"""What a verb hands to its printer to be laid out: pages and bars."""

from collections.abc import Sequence

from agent.machine.values import frozen
from agent.observe.item import Item

__all__ = ["NAME", "Bar", "Item", "Page"]

NAME = "devcopilot"
"""What each line on stderr begins with."""


@frozen
class Page:
    """What a terminal shows in place of lines: a headline and titled lists."""

    headline: Item
    sections: Sequence[tuple[str, Sequence[Item]]] = ()


class Bar:
    """Shows how far a work is. This one shows nothing: it is for where there is no terminal."""

    is_drawn = False

    def update(self, done: float, total: float, text: str) -> None:
        """Show the share that is done, and a text beside it."""

    def spin(self, text: str = "") -> None:
        """Show that the work goes on, where nobody knows how far it is."""
