"""The log schema, standard library only: how an event becomes bytes.

An event is a flat JSON object: `time` (RFC 3339, UTC, milliseconds), `level` (one of LEVELS),
`source` (the part or service that speaks), `message`, and further fields. Between processes of
the agent an event always travels as one JSON line; only who owns the terminal renders it.
"""

import bisect
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping

from agent.machine.light.clock import timestamp
from agent.machine.light.escaping import encode_json, escape_line
from agent.machine.light.expressions import regex

LEVELS = ("debug", "info", "warning", "error")
LONGEST = 16 * 1024
"""Bytes of a record with its line feed: docker's and Kubernetes' log drivers split what is longer,
and then it is no JSON any more."""
SHORT = 512
"""Characters of a value in a record that would be too long."""
LONGEST_ESCAPE = 32
"""Characters of an escape sequence that is not cut."""
_OPEN_ESCAPE = regex(r"\x1b(\[[0-9;?]*)?$")

Event = Mapping[str, object]

_COLOURS = {"debug": "\033[2m", "info": "", "warning": "\033[33m", "error": "\033[31m"}
_RESET = "\033[0m"
_STYLES = regex("\033\\[[0-9;:]*m")
"""Colours and the like: ECMA-48, SGR."""
_HEAD = ("time", "level", "source", "message")


def make_event(source: str, level: str, message: str, **fields: object) -> dict[str, object]:
    """Return an event that happens now."""
    return {
        "time": timestamp(time.time()),
        "level": level,
        "source": source,
        "message": message,
        **fields,
    }


def encode(event: Event) -> bytes:
    """Return the event as one line of JSON, newline included."""
    return encode_json(event).encode() + b"\n"


def make_records(event: Event, form: Callable[[Event], bytes] = encode) -> Iterator[bytes]:
    """Yield the event in its form: as one record, or as several of which none is too long.

    The message of one that is marked `cut` goes on in the next. Where other values leave no room,
    they are cut or left out, and the record is marked `shortened`. No cut is within a character or
    the speaker's own escape sequence.
    """
    record = form(event)
    if len(record) <= LONGEST:
        yield record
        return
    text = str(event.get("message", ""))
    rest = {**event, "message": ""}
    if len(form(rest)) > LONGEST // 2:
        rest = {name: _shorten(value) for name, value in rest.items()} | {"shortened": True}
    if len(form(rest)) > LONGEST // 2:
        rest = {name: rest[name] for name in (*_HEAD, "shortened") if name in rest}
    head = {**rest, "cut": True}
    while len(form({**rest, "message": text})) > LONGEST:
        size = _find_room(head, text, form)
        if opened := _OPEN_ESCAPE.search(text, max(1, size - LONGEST_ESCAPE), size):
            size = opened.start()
        yield form({**head, "message": text[:size]})
        text = text[size:]
    yield form({**rest, "message": text})


def _find_room(head: Event, text: str, form: Callable[[Event], bytes]) -> int:
    """Return how many characters of the message fit into one record."""

    def measure(size: int) -> int:
        return len(form({**head, "message": text[:size]}))

    return bisect.bisect_right(range(1, min(len(text), LONGEST)), LONGEST, key=measure)


def _shorten(value: object) -> object:
    text = str(value)
    return value if len(text) <= SHORT else f"{text[:SHORT]}…"


def render(event: Event, colour: bool = False) -> bytes:
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
        """Write an event that is reported only once, whatever the threshold is."""
        self._write("info", message, fields)

    def _write(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        event = make_event(self._source, level, message, **fields)
        with contextlib.suppress(OSError):  # nobody is left to tell
            for record in make_records(event, render if self._readable else encode):
                os.write(self._descriptor, record)

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
