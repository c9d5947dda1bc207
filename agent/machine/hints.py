"""What fixes it that a file could not be read or written."""

import errno
import os
from pathlib import Path


def find_hint(error: OSError, path: Path) -> str:
    """Return what makes this path readable or writable again; empty: not known."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"free some space on the volume of {path.parent}"
        case errno.EROFS:
            return f"mount a writable volume on {path.parent}"
        case errno.EACCES | errno.EPERM:
            return _find_owner_command(path)
    return ""


def _find_owner_command(path: Path) -> str:
    """Return the command that opens what keeps this uid from the path."""
    path = Path(os.path.realpath(path))
    owner = f"{os.getuid()}:{os.getgid()}"
    for folder in reversed(path.parents):
        if not os.access(folder, os.F_OK):
            return f"as root: install -d -o {os.getuid()} -g {os.getgid()} {path.parent}"
        if not os.access(folder, os.X_OK):
            return f"as root: chown {owner} {folder}"
    unreadable = os.access(path, os.F_OK) and not os.access(path, os.R_OK)
    return f"as root: chown {owner} {path if unreadable else path.parent}"
