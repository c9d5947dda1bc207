"""When each lock in a repository was first seen from here.

restic writes its lock anew every 5 minutes, each time under another name. So one that stays under
its name is nobody's in the end, also where it cannot be read, or was dated by a wrong clock.
"""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from agent.machine.clock import format_time, parse_time
from agent.machine.documents import STATE, Document
from agent.machine.system import Facts

Names = Mapping[str, str]
"""Name of a lock -> when it was first seen: RFC 3339, in UTC."""


def parse(rows: Any) -> dict[str, Names]:
    """Return what the file holds. Raises TypeError, ValueError or AttributeError if damaged."""
    return {str(target): {str(name): str(time) for name, time in names.items()}
            for target, names in rows.items()}  # fmt: skip


FILE = Document[dict[str, Names]](
    STATE, "backup/locks.json", "locks seen on each destination, to recognize stale ones",
    parse, dict,
)  # fmt: skip
"""Name of the target -> its locks."""


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
