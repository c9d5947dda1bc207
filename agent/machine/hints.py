"""Explains why an operation on a file failed, and what fixes it."""

import errno
import os
from pathlib import Path

from agent.machine.errors import Problem

FULL = (errno.ENOSPC, errno.EDQUOT)


def explain(error: OSError, doing: str) -> Problem:
    """Return the line for an operation that failed while `doing`, a verb and its object.

    The operation may not name its file: writing to an open one does not.
    """
    cause = error.strerror or str(error) or type(error).__name__
    if isinstance(error.filename, str | bytes):
        path = Path(os.fsdecode(error.filename))
        return Problem(f"cannot {doing}: {path}: {cause}", find_hint(error, path))
    hint = "free some space: `df -h` shows the full volume" if error.errno in FULL else ""
    return Problem(f"cannot {doing}: {cause}", hint)


def find_hint(error: OSError, path: Path) -> str:
    """Return what makes this path readable or writable again; empty: not known."""
    match error.errno:
        case number if number in FULL:
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
