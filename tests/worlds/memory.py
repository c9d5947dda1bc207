"""What a process has written into memory itself, whoever runs beside it."""

from pathlib import Path


def find_own_memory(pid: int) -> int:
    """Return the anonymous memory of a process in kB, from its proc_pid_smaps(5).

    Neither its "private" pages nor its unique set: a page of a program or library is private until
    somebody else runs the same file, in another container of the image too, and again afterwards.
    """
    return read_memory(pid, "Anonymous")


def read_memory(pid: int, name: str) -> int:
    """Return the kB in the row of this name for a whole process. Raises OSError when it is gone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
