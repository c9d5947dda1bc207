"""One line about a part of a workspace, for the terminal and the page alike."""

from collections.abc import Sequence

from agent.machine.values import frozen


@frozen
class Item:
    """A mark that says how it is, its name, and what there is to say of it."""

    mark: str
    """good, idle, warning or bad."""
    name: str
    text: str
    more: Sequence[str] = ()
    """Further lines, less important."""
    hint: str = ""
    """What fixes it."""

    @property
    def line(self) -> str:
        """Return all of it as one line of plain text."""
        words = "; ".join(filter(None, (self.text, *self.more)))
        hint = f" ({self.hint})" if self.hint else ""
        return ": ".join(filter(None, (self.name, words))) + hint
