"""The newest lines of the log, which the log process keeps; see `agent.init.logger.recent`.

They are JSON, or what a terminal gets: the container's output has one of the two forms.
"""

import json
from collections.abc import Sequence

from agent.machine.light import runtime
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.light.masking import Masker
from agent.machine.system import Facts
from agent.machine.values import frozen

FILES = ("recent.1", "recent")
_STYLES = regex("\033\\[[0-9;:]*m")
_TEXT = regex(r"(\d\d:\d\d:\d\d) (\S+?): (?:(warning|error): )?(.*)")
"""As `agent.machine.light.log.render` writes it."""


@frozen
class Line:
    """One line of the log."""

    time: str
    """Of day, in UTC: 12:00:01."""
    level: str
    source: str
    message: str


def read(facts: Facts) -> Sequence[Line]:
    """Return the lines that are kept, the newest last, with every secret that is known hidden.

    They are masked already, but for secrets that were not known then.
    """
    content = b""
    for name in FILES:
        try:
            content += read_file(facts.runtime / runtime.LOG / name, SETTINGS)
        except OSError:
            continue  # the first of them is not full yet, or nothing was said
    masker = Masker(str(facts.runtime))
    masker.refresh()
    lines = masker.mask(content).decode(errors="replace").split("\n")
    return [line for line in map(parse, lines) if line]


def parse(text: str) -> Line | None:
    """Return a line; None: it is none, such as half a line where the file was full."""
    if text.startswith("{"):
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return None
        words = (str(event.get(name, "")) for name in ("time", "level", "source", "message"))
        time, level, source, message = words
        return Line(time[11:19], level, source, message)
    found = _TEXT.fullmatch(_STYLES.sub("", text))
    return Line(found[1], found[3] or "info", found[2], found[4]) if found else None
