"""Which container this is: what an earlier one has done on its own disk is not here."""

import hashlib
import re
import socket
from pathlib import Path

from agent.machine.files import STATE, read_file

MOUNTS = Path("/proc/self/mountinfo")
HOST_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""Engines mount them from a folder of the container's."""


def find_identity(mounts: Path = MOUNTS, hostname: str | None = None) -> str:
    """Return what stays the same while this container exists, and differs in a new one.

    With overlayfs, that is the folder of the host that its root writes to; elsewhere it is where
    the engine keeps its files, and its host name.
    https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    """
    try:
        rows = read_file(mounts, STATE).decode(errors="replace").split("\n")
    except OSError:
        rows = []
    fields = [row.split(" ") for row in rows if row.count(" ") > 8]
    upper = [
        found[1] for row in fields if row[4] == "/"
        for found in re.finditer(r"(?:^|,)upperdir=([^,]+)", row[-1])
    ]  # fmt: skip
    kept = [row[3] for row in fields if row[4] in HOST_FILES]
    name = socket.gethostname() if hostname is None else hostname
    words = upper[-1:] or [*kept, name]
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
