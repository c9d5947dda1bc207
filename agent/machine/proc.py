"""What Linux tells of a process in /proc. Standard library only."""

import os

UNNAMED = "MainThread"
"""What Node calls the thread that every process begins with."""


def read_stat(folder: "str | os.PathLike[str]") -> tuple[str, list[str]]:
    """Return the name of a process or thread, and the fields after it: its state, its parent, more.

    `folder`: /proc/PID or /proc/PID/task/TID; see proc_pid_stat(5). Raises OSError: it is gone.
    """
    with open(os.path.join(folder, "stat"), "rb", buffering=0) as file:
        text = file.read()
    head, _, rest = text.rpartition(b")")  # the name may hold anything, parentheses as well
    return head.partition(b"(")[2].decode(errors="replace"), rest.decode().split()


def read_name(folder: "str | os.PathLike[str]") -> str:
    """Return the name of a process. Raises OSError: it is gone."""
    name = read_stat(folder)[0]
    if name != UNNAMED:
        return name
    with open(os.path.join(folder, "cmdline"), "rb") as file:
        return os.path.basename(os.fsdecode(file.read(4096).split(b"\0")[0])) or name
