"""Small files that the next run needs: in the state folder or, while that is no use, elsewhere.

    keep(facts, "backup/record.json", content)
    recall(facts, "backup/record.json")

The state folder may be full, read-only or somebody else's. The runtime folder then remembers for as
long as the container lives, and what is in there is the newer of the two.
"""

import contextlib
from pathlib import Path

from agent.machine.light import runtime
from agent.machine.system import Facts, System


def keep(facts: Facts, name: str, content: bytes) -> Path:
    """Write a private file and return where it lies: in the state folder if that is possible.

    Raises OSError when neither folder takes it.
    """
    kept, spare, system = facts.state / name, find_spare(facts, name), System(facts.environ)
    try:
        system.write_file(kept, content, 0o600, durable=True)
    except OSError:
        system.write_file(spare, content, 0o600)
        return spare
    with contextlib.suppress(OSError):
        system.remove_file(spare)
    return kept


def recall(facts: Facts, name: str) -> bytes | None:
    """Return what was kept last under this name, or None. Raises OSError."""
    spare = facts.read(find_spare(facts, name))
    return facts.read(facts.state / name) if spare is None else spare


def find_spare(facts: Facts, name: str) -> Path:
    """Return the place in the runtime folder, for what nobody else needs to find."""
    return facts.runtime / runtime.SPARE / name


def place_lock(facts: Facts, name: str) -> Path:
    """Return a file that can be locked, in a folder that is there: in the state folder if possible.

    A file system may have no room for the file, or no locks (ENOLCK: NFS without a lock service);
    then only this container's processes meet at it. Raises OSError when there is no place at all.
    """
    kept, spare = facts.state / name, find_spare(facts, name)
    try:
        return _lockable(kept)
    except OSError:
        return _lockable(spare)


def _lockable(path: Path) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.try_lock(path)
    return path
