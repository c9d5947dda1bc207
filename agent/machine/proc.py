"""What Linux tells of a process in /proc. Init, which stays small, has its own of it."""

from pathlib import Path


def read_stat(folder: Path) -> tuple[str, list[str]]:
    """Return the name of a process or thread, and the fields after it: its state, its parent, more.

    `folder`: /proc/PID or /proc/PID/task/TID; see proc_pid_stat(5). Raises OSError: it is gone.
    """
    text = (folder / "stat").read_text(errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()
