"""The newest problems of the agent, which become the container's termination message.

They are written as they come: the container that is killed has no last moment for it.
"""

from collections import deque

from agent.machine.light import termination
from agent.machine.light.log import Event, render

MOST = 10
"""Lines that are kept."""
LEVELS = ("warning", "error")


class Problems:
    """Keeps the message. Never raises: the log goes on where it cannot be written."""

    def __init__(self, path: str = termination.PATH) -> None:
        self._path = path
        self._lines: deque[str] = deque(maxlen=MOST)
        self._is_news = False

    def add(self, event: Event) -> None:
        """Take an event whose secrets are hidden; what is no problem is left out."""
        if event["level"] in LEVELS:
            day = str(event["time"])[:10]
            self._lines.append(f"{day} {render(event).decode().rstrip()}")
            self._is_news = True

    def write(self) -> None:
        """Write the message, if there is a new problem."""
        if self._is_news:
            self._is_news = False
            termination.leave(self._lines, self._path)
