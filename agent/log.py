"""The log schema, standard library only: how an event becomes bytes.

An event is a flat JSON object: `time` (RFC 3339, UTC, milliseconds), `level` (one of LEVELS),
`source` (the part or service that speaks), `message`, and further fields. Between processes of
the agent an event always travels as one JSON line; only who owns the terminal renders it.
"""

import contextlib
import os
import re
import time
from collections.abc import Mapping

from agent.escaping import encode_json, escape_line

LEVELS = ("debug", "info", "warning", "error")

_COLOURS = {"debug": "\033[2m", "info": "", "warning": "\033[33m", "error": "\033[31m"}
_RESET = "\033[0m"
_STYLES = re.compile("\033\\[[0-9;:]*m")
"""Colours and the like: ECMA-48, SGR."""
_HEAD = ("time", "level", "source", "message")


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC with milliseconds."""
    whole = int(seconds)
    milliseconds = int((seconds - whole) * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}Z"


def make_event(source: str, level: str, message: str, **fields: object) -> dict[str, object]:
    """Return an event that happens now."""
    return {
        "time": timestamp(time.time()),
        "level": level,
        "source": source,
        "message": message,
        **fields,
    }


def encode(event: Mapping[str, object]) -> bytes:
    """Return the event as one line of JSON, newline included."""
    return encode_json(event).encode() + b"\n"


def render(event: Mapping[str, object], colour: bool = False) -> bytes:
    """Return the event as one line for a person, newline included.

    The speaker's own colours are left out, and whatever else a terminal would obey is escaped.
    """
    clock = str(event.get("time", ""))[11:19]
    level = str(event.get("level", "info"))
    extra = "".join(f" {key}={value}" for key, value in event.items() if key not in _HEAD)
    line = f"{clock} {event.get('source', '')}: {event.get('message', '')}{extra}"
    if level in ("warning", "error"):
        line = f"{clock} {event.get('source', '')}: {level}: {event.get('message', '')}{extra}"
    line = escape_line(_STYLES.sub("", line))
    if colour and _COLOURS.get(level):
        line = _COLOURS[level] + line + _RESET
    return line.encode() + b"\n"


class Logger:
    """Writes events of one source to a file descriptor; never raises for a reader that is gone.

    With `readable` set, events are rendered for a person, otherwise they are JSON lines.
    """

    def __init__(
        self, source: str, level: str = "info", descriptor: int = 2, readable: bool = False
    ) -> None:
        self._source = source
        self._threshold = LEVELS.index(level)
        self._descriptor = descriptor
        self._readable = readable

    def log(self, level: str, message: str, **fields: object) -> None:
        """Write one event, if its level reaches the threshold."""
        if LEVELS.index(level) >= self._threshold:
            self._write(level, message, fields)

    def announce(self, message: str, **fields: object) -> None:
        """Write an event that is told only once, whatever the threshold is."""
        self._write("info", message, fields)

    def _write(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        event = make_event(self._source, level, message, **fields)
        with contextlib.suppress(OSError):  # nobody is left to tell
            os.write(self._descriptor, render(event) if self._readable else encode(event))

    def debug(self, message: str, **fields: object) -> None:
        """Write an event that only somebody who looks for a fault wants to see."""
        self.log("debug", message, **fields)

    def info(self, message: str, **fields: object) -> None:
        """Write an event of normal life."""
        self.log("info", message, **fields)

    def warning(self, message: str, **fields: object) -> None:
        """Write an event that a user should look at; work goes on."""
        self.log("warning", message, **fields)

    def error(self, message: str, **fields: object) -> None:
        """Write an event that keeps something from working."""
        self.log("error", message, **fields)
