"""What the page shows, and nothing of how: a value that `render` makes HTML of.

A part that is missing is None or empty, and its section is left out.
"""

from collections.abc import Sequence
from datetime import datetime

from agent.backup.history import Day
from agent.machine.values import frozen
from agent.observe.item import Item
from agent.observe.recent_log import Line


@frozen
class Entry:
    """An item and what only a page can add to it."""

    item: Item
    port: int | None = None
    """The port that it is open on, to be linked."""
    days: Sequence[Day] = ()
    """The backups of the last weeks."""


@frozen
class Section:
    """A titled list."""

    title: str
    entries: Sequence[Entry]
    note: str = ""
    """A sentence above it."""


@frozen
class Gauge:
    """Something that has a limit."""

    name: str
    used: str
    """As people read it: 1.2 GB."""
    limit: str
    """"of 4 GB"; empty: none is known."""
    share: float | None = None
    """Of the limit: 0.3."""
    samples: Sequence[tuple[float, float]] = ()
    """Of the last day: seconds since the epoch, and the share of the limit at that moment."""


@frozen
class Limits:
    """What has a limit, side by side."""

    gauges: Sequence[Gauge]


@frozen
class Log:
    """The newest lines of the log."""

    lines: Sequence[Line]
    """The newest last; those of `chosen` where that is one of the sources."""
    sources: Sequence[str]
    chosen: str = ""


@frozen
class View:
    """All of the page."""

    name: str
    """What the workspace is called."""
    moment: datetime
    summary: str
    """A sentence under the headline."""
    state: Item
    """The headline where nothing is wrong: its mark, and "All well", or "Starting"."""
    trouble: Sequence[Item] = ()
    """What is wrong, what matters most first."""
    parts: Sequence[Section | Limits | Log] = ()
    """In their order."""

    @property
    def headline(self) -> Item:
        """Return what comes first on the page."""
        return self.trouble[0] if self.trouble else self.state
