"""One stream of the log: from the bytes of a descriptor to a bounded queue of finished lines."""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from agent.machine.light.expressions import regex
from agent.machine.light.log import LEVELS, LONGEST, LONGEST_ESCAPE, make_event
from agent.machine.light.masking import Masker

RING = 1024 * 1024
"""Bytes of finished lines that wait for the reader of the log, a stream."""
LONGEST_LINE = LONGEST
"""Bytes; a longer line goes on as several. An event of the agent's is never as long."""
PIECE = LONGEST_LINE - 512
"""Bytes of a line that become one record: the record has more than the line."""
READ = 64 * 1024

AGENT = "agent"
LAST_WORDS = "devcopilot: "
"""How a verb begins the line of the error that ends it."""
SUPERVISORD = "supervisord"
_SUPERVISORD_LEVELS = {
    "CRIT": "error",
    "ERRO": "error",
    "WARN": "warning",
    "INFO": "info",
    "DEBG": "debug",
    "TRAC": "debug",
    "BLAT": "debug",
}
_SUPERVISORD_CALM = ("received SIGTERM ", "stopped: ")
"""What it warns of and happens at every orderly end."""

EDITOR = "code-server"
_EDITOR_HEAD = regex(
    r"\[(?:\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(?:\.\d+Z)?\] ?(?:(trace|debug|info|warn|error)\b *)?"
)
"""Before its lines, with a level, and before those of its VS Code server: a second time of day."""
_EDITOR_LEVELS = {"trace": "debug", "debug": "debug", "warn": "warning", "error": "error"}

_OPEN_ESCAPE = regex(rb"\x1b(\[[0-9;?]*)?$")

Event = dict[str, object]


def find_cut(line: bytes, size: int) -> int:
    """Return where to cut a line so that at most `size` bytes are before, all of them whole."""
    if opened := _OPEN_ESCAPE.search(line, max(1, size - LONGEST_ESCAPE), size):
        return opened.start()
    for back in range(4):
        if line[size - back] & 0xC0 != 0x80:  # else it goes on with a character of UTF-8
            return size - back
    return size


def parse_line(name: str, line: bytes, masker: Masker) -> Event | None:
    """Return the event that a line of this stream stands for, with the secrets hidden.

    None: it says nothing; code-server prints such lines.
    """
    if name == AGENT and line.startswith(b"{"):
        try:
            given = json.loads(line)
        except (ValueError, RecursionError):
            given = {}
        if "message" in given:
            event = make_event(name, "info", "")
            event.update((masker.mask_text(key), masker.mask_value(given[key])) for key in given)
            return event if event["level"] in LEVELS else {**event, "level": "info"}
    text = masker.mask(line).decode(errors="replace").rstrip("\r")
    level = "info"
    if name == AGENT:  # its jobs speak in events, but for what ends them
        level = "error" if text.startswith(LAST_WORDS) else "warning"
    if name == SUPERVISORD:
        words = text.split(" ", 3)  # 2026-01-31 12:00:00,000 INFO the message
        if len(words) == 4 and words[2] in _SUPERVISORD_LEVELS:
            calm = words[3].startswith(_SUPERVISORD_CALM)
            return make_event(name, "info" if calm else _SUPERVISORD_LEVELS[words[2]], words[3])
    if name == EDITOR:
        head = _EDITOR_HEAD.match(text)
        text = text[head.end() :] if head else text
        level = _EDITOR_LEVELS.get((head and head[1]) or "", "info")
        if not text.strip():
            return None
    return make_event(name, level, text)


class Stream:
    """Reads one descriptor; keeps the newest RING bytes of its lines until they are taken."""

    def __init__(
        self,
        name: str,
        descriptor: int,
        masker: Masker,
        make_records: Callable[[Event], Iterable[bytes]],
    ) -> None:
        """`make_records` returns an event as records of the output: none when it is not wanted."""
        self.name = name
        self.descriptor = descriptor
        self._masker = masker
        self._make_records = make_records
        self._partial = bytearray()
        self._lines: deque[bytes] = deque()
        self._size = 0
        self.lost = 0
        """Lines that were lost so far."""
        self._lost_lines = 0
        self._lost_bytes = 0
        self._lost_because = ""

    def read(self) -> int | None:
        """Take what is there, up to READ bytes. Return how many came; None: nothing for now.

        0 means that every writer is gone; the rest of an unfinished line has then been taken.
        """
        try:
            data = os.read(self.descriptor, READ)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if data:
            self._partial += data
            self._split()
        else:
            self.finish()
        return len(data)

    def finish(self) -> None:
        """Take an unfinished line as it is."""
        if self._partial:
            self._add(bytes(self._partial))
            self._partial.clear()

    def take(self) -> bytes | None:
        """Return the next line of the output, or None. What was lost before it comes first."""
        if self._lost_lines:
            message = (
                f"{self._lost_lines} lines ({self._lost_bytes} bytes) of "
                f"{self.name} were lost: {self._lost_because}"
            )
            self._lost_lines = self._lost_bytes = 0
            for record in self._make_records(make_event("log", "warning", message)):
                return record
        if not self._lines:
            return None
        line = self._lines.popleft()
        self._size -= len(line)
        return line

    def drop_all(self, because: str) -> None:
        """Give up all lines that wait; their number is reported when the output works again."""
        while self._lines:
            self._drop(because)

    @property
    def waiting(self) -> bool:
        """Tell whether there is something to take."""
        return bool(self._lines)

    def _split(self) -> None:
        """Move finished lines from the bytes read to the queue, and cut what is overlong."""
        *lines, rest = bytes(self._partial).split(b"\n")
        for line in lines:
            *pieces, end = self._cut(line)
            self._add_pieces(pieces)
            self._add(end)
        # A secret may have come in part: that much stays until more is known.
        held = max(self._masker.longest - 1, 0)
        if len(rest) >= LONGEST_LINE + held:
            *pieces, rest = self._cut(rest, held)
            self._add_pieces(pieces)
        self._partial[:] = rest

    def _cut(self, line: bytes, held: int = 0) -> Iterator[bytes]:
        """Yield the line in pieces; none ends within a secret, a character or an escape sequence.

        The last has at least `held` bytes.
        """
        if len(line) > LONGEST_LINE:
            line = self._masker.mask(line)
        while len(line) > LONGEST_LINE + held:
            size = find_cut(line, PIECE)
            yield line[:size]
            line = line[size:]
        yield line

    def _add_pieces(self, pieces: Iterable[bytes]) -> None:
        """Add pieces of a line that goes on after them."""
        for piece in pieces:
            self._add(piece, cut=True)

    def _add(self, line: bytes, **fields: object) -> None:
        event = parse_line(self.name, line, self._masker)
        for record in self._make_records({**event, **fields}) if event else ():
            self._lines.append(record)
            self._size += len(record)
        while self._size > RING:
            self._drop("the reader of the log was too slow")

    def _drop(self, because: str) -> None:
        line = self._lines.popleft()
        self._size -= len(line)
        self.lost += 1
        self._lost_lines += 1
        self._lost_bytes += len(line)
        self._lost_because = because
