"""The terminals: the atime of one is the last key that was read, its mtime the last output.

Linux notes both in steps of 8 seconds (`tty_update_time` in drivers/tty/tty_io.c), whatever the
options of the mount are.
"""

import os

from agent.observe.activity.last_sample import Memory
from agent.observe.activity.moment import Moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 8.0
"""Seconds."""


class Terminal:
    """One pseudo-terminal; moments are seconds since the machine started."""

    __slots__ = ("input", "name", "output", "path")

    def __init__(self, path: str, name: str, key: float | None, output: float) -> None:
        self.path = path
        self.name = name
        self.input = key
        """When somebody typed last; None: nobody has since it was opened."""
        self.output = output
        """When something was written last."""


def read_all(
    folder: str, memory: Memory, now: Moment, stat: "Callable[[str], os.stat_result]" = os.stat
) -> dict[str, Terminal]:
    """Return the terminals below this folder, /dev/pts, by name."""
    found = {}
    try:
        names = [name for name in os.listdir(folder) if name.isdecimal()]
    except OSError:
        return {}
    for name in names:
        path = f"{folder}/{name}"
        try:
            status = stat(path)
        except OSError:
            continue
        output = memory.note_stamp(f"output {name}", status.st_mtime, now)
        key = memory.note_stamp(f"input {name}", status.st_atime, now)
        opened = status.st_atime - status.st_ctime < STEP
        found[name] = Terminal(path, name, None if opened else key, output)
    for kept in list(memory.stamps):
        kind, _, name = kept.partition(" ")
        if kind in ("input", "output") and name not in found:
            del memory.stamps[kept]
    return found


def forget_output(folder: str, memory: Memory) -> None:
    """Leave out of account what was written just now: it was our own warning."""
    for kept, known in memory.stamps.items():
        kind, _, name = kept.partition(" ")
        if kind == "output":
            try:
                known[0] = os.stat(f"{folder}/{name}").st_mtime
            except OSError:
                continue
