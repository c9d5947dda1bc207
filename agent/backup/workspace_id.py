"""The workspace's own id, which stands in its backups: it distinguishes others of the same name."""

import secrets

from agent.backup.restic.client import Snapshot
from agent.machine.light.expressions import regex
from agent.machine.records import keeping
from agent.machine.system import Facts

FILE = "backup/workspace-id"
"""In the state folder."""
PREFIX = "workspace-"
"""What the tag with an id begins with."""
_MARK = regex(rf"{PREFIX}[0-9a-f]{{16}}")


def read_mark(facts: Facts) -> str:
    """Return the tag of this workspace's backups; empty: it has made none yet."""
    try:
        text = (keeping.recall(facts, FILE) or b"").decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return text if _MARK.fullmatch(text) else ""


def find_mark(facts: Facts) -> str:
    """Return the tag of this workspace's backups, from its first one on. Raises OSError."""
    known = read_mark(facts)
    if known:
        return known
    mark = PREFIX + secrets.token_hex(8)
    keeping.keep(facts, FILE, f"{mark}\n".encode())
    return mark


def find_marks(snapshot: Snapshot) -> frozenset[str]:
    """Return the workspaces' tags in a snapshot; none: it was made before there were any."""
    return frozenset(filter(_MARK.fullmatch, snapshot.tags))
