"""When each lock in a repository was first seen from here.

restic writes its lock anew every 5 minutes, each time under another name. So one that stays under
its name is nobody's in the end, also where it cannot be read, or was dated by a wrong clock.
"""

import contextlib
from collections.abc import Iterable
from datetime import datetime

from agent.machine.light.clock import format_time, parse_time
from agent.machine.records.documents import STATE, Document, read_texts
from agent.machine.system import Facts

FILE = Document[dict[str, dict[str, str]]](
    STATE, "backup/locks.json", "locks seen on each destination, to recognize stale ones",
    read_texts, dict,
)  # fmt: skip
"""Name of the target -> name of a lock -> when it was first seen: RFC 3339, in UTC."""


def note(facts: Facts, target: str, names: Iterable[str]) -> dict[str, datetime]:
    """Return when each of the locks that are there now was first seen, and remember it."""
    now, rows = facts.clock.now(), FILE.read(facts)
    known = rows.get(target, {})
    found = {}
    for name in names:
        first = parse_time(known.get(name, ""))
        found[name] = first if first and first <= now else now
    noted = {name: format_time(moment) for name, moment in found.items()}
    if noted != known:
        with contextlib.suppress(OSError):  # a full disk: then a lock is judged by what it says
            FILE.write(facts, {**rows, target: noted})
    return found
