"""What is mounted where, as the kernel lists it for this process.

https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
"""

import os
from collections.abc import Iterable
from pathlib import Path

from agent.machine.light.expressions import regex
from agent.machine.light.files import STATE, read_file
from agent.machine.values import frozen

TABLE = Path("/proc/self/mountinfo")
IN_MEMORY = ("tmpfs", "ramfs")
_ESCAPED = regex(rb"\\([0-7]{3})")


@frozen
class Mount:
    """One line of the table."""

    point: Path
    root: str
    """What of its file system is mounted; of a bind mount it is a folder or file below."""
    kind: str
    """Type of the file system: overlay, tmpfs, nfs4."""
    options: frozenset[str]
    """Those of the mount and of its file system."""
    source: str
    device: str
    """MAJOR:MINOR."""


def read_mounts(table: Path = TABLE) -> tuple[Mount, ...]:
    """Return the mounts, in the order in which they cover each other. Raises OSError."""
    lines = read_file(table, STATE).split(b"\n")
    return tuple(mount for line in lines if (mount := _read_line(line)))


def _read_line(line: bytes) -> Mount | None:
    """Return what a line says; None: no kernel writes such a line."""
    before, dash, after = line.partition(b" - ")
    own, rest = before.split(b" "), after.split(b" ")
    if not dash or len(own) < 6 or len(rest) < 3:
        return None
    options = os.fsdecode(own[5]).split(",") + os.fsdecode(rest[2]).split(",")
    return Mount(
        Path(_unescape(own[4])), _unescape(own[3]), _unescape(rest[0]), frozenset(options),
        _unescape(rest[1]), os.fsdecode(own[2]),
    )  # fmt: skip


def _unescape(field: bytes) -> str:
    r"""Return a field as it was: blanks and line feeds are written as \040 and \012."""
    return os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), field))


def find_mount(path: Path, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount that a path is on; of several at one place the last covers the others."""
    real = Path(os.path.realpath(path))
    found = None
    for mount in mounts:
        if real.is_relative_to(mount.point) and (
            found is None or len(mount.point.parts) >= len(found.point.parts)
        ):
            found = mount
    return found


def is_in_memory(folder: Path, table: Path = TABLE) -> bool | None:
    """Tell whether what is written there is gone with the machine; None: the table is no help."""
    try:
        mount = find_mount(folder, read_mounts(table))
    except OSError:
        return None
    return mount.kind in IN_MEMORY if mount else None
