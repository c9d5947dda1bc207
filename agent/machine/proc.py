"""What Linux tells of a process in /proc. Standard library only."""

import os


def read_stat(folder: "str | os.PathLike[str]") -> tuple[str, list[str]]:
    """Return the name of a process or thread, and the fields after it: its state, its parent, more.

    `folder`: /proc/PID or /proc/PID/task/TID; see proc_pid_stat(5). Raises OSError: it is gone.
    """
    with open(os.path.join(folder, "stat"), "rb", buffering=0) as file:
        text = file.read()
    head, _, rest = text.rpartition(b")")  # the name may hold anything, parentheses as well
    return head.partition(b"(")[2].decode(errors="replace"), rest.decode().split()
