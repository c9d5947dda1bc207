"""A line that tells how far restic is, on a terminal: bytes, files, speed, time left."""

import os
import time
from typing import TextIO

from agent.machine.follow import Message
from agent.machine.human import format_duration, format_size

PULSE = 0.2
"""Seconds between two changes of the line."""
BAR = 20
"""Its width in characters."""
WIDTH = 80
"""Columns of a terminal that does not tell."""


class Progress:
    """The line. Where there is no terminal it stays silent."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._stream = stream
        self._title = title
        self._shown = stream.isatty()
        self._began = time.monotonic()
        self._told = 0.0

    def listen(self, message: Message) -> None:
        """Take a report of restic."""
        now = time.monotonic()
        if self._shown and now - self._told >= PULSE:
            self._told = now
            self._write(describe(message, now - self._began))

    def end(self) -> None:
        """Take the line away."""
        if self._shown and self._told:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _write(self, text: str) -> None:
        line = f"{self._title}: {text}"
        self._stream.write(f"\r\x1b[K{line[: find_width(self._stream) - 1]}")
        self._stream.flush()


def find_width(stream: TextIO) -> int:
    """Return the columns of a terminal now. What reaches beyond would stay as a line of its own."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def describe(message: Message, seconds: float) -> str:
    """Return a report of restic's as a line; `seconds`: how long it has worked."""
    total = message.get("total_bytes", 0)
    size = message.get("bytes_done", message.get("bytes_restored", 0))
    files = message.get("files_done", message.get("files_restored", 0))
    share = min(size / total, 1.0) if total else 0.0
    full = round(share * BAR)
    parts = [
        f"[{'#' * full}{'.' * (BAR - full)}] {share:4.0%}",
        f"{format_size(size)} of {format_size(total)}",
        f"{files:,} files",
    ]
    if seconds > 1 and size:
        speed = size / seconds
        parts.append(f"{format_size(speed)}/s")
        parts.append(f"{format_duration((total - size) / speed)} left")
    return ", ".join(parts)
