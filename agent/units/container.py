"""Which container this is: what an earlier one has done on its own disk is not here."""

import hashlib
import os
import socket
from pathlib import Path

from agent.machine.storage.mountinfo import TABLE, find_mount, read_mounts

HOST_FILES = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""Engines mount them from a folder of the container's."""
UPPER = "upperdir="
"""Of the options of overlayfs, https://docs.kernel.org/filesystems/overlayfs.html"""


def find_identity(table: Path = TABLE, hostname: str | None = None) -> str:
    """Return what stays the same while this container exists, and differs in a new one.

    With overlayfs, that is the folder of the host that its root writes to; elsewhere it is where
    the engine keeps its files, and its host name.
    """
    try:
        mounts = read_mounts(table)
    except OSError:
        mounts = ()
    root = find_mount(Path("/"), mounts)
    upper = [option for option in root.options if option.startswith(UPPER)] if root else []
    kept = [mount.root for mount in mounts if str(mount.point) in HOST_FILES]
    name = socket.gethostname() if hostname is None else hostname
    words = [word.removeprefix(UPPER) for word in upper] or [*kept, name]
    return hashlib.sha256(os.fsencode("\0".join(words))).hexdigest()[:16]
