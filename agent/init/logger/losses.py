"""How many lines of each stream were lost, for whoever counts: a JSON object of stream -> lines.

The log says so as well, but only once its reader takes lines again.
"""

import json
import os
import time
from collections.abc import Callable, Iterable

from agent.init.logger.streams import Stream
from agent.machine.light import runtime

NAME = "lost.json"
PAUSE = 1.0
"""Seconds between two writes: a loss may be of thousands of lines, one by one."""


class Losses:
    """Keeps the counts in a file. Never raises: the log goes on where they cannot be kept."""

    def __init__(self, folder: str, now: Callable[[], float] = time.monotonic) -> None:
        """`folder` is the runtime folder."""
        self._path = os.path.join(folder, runtime.LOG, NAME)
        self._now = now
        self._total = 0
        self._written = -PAUSE

    def note(self, streams: Iterable[Stream], *, is_last: bool = False) -> None:
        """Keep the counts if they have changed, and unless it is the last time not just now."""
        counts = {stream.name: stream.lost for stream in streams}
        total = sum(counts.values())
        is_fresh = not is_last and self._now() - self._written < PAUSE
        if total == self._total or is_fresh:
            return
        self._total, self._written = total, self._now()
        try:
            runtime.write_atomic(self._path, json.dumps(counts).encode())
        except OSError:
            pass
