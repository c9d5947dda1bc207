"""Leases: somebody has said that the workspace must keep running. A file for each. Light.

A lease of a process ends with it: its start tells it from a later process of the same pid.
"""

import json
import os

from agent.machine.light import runtime
from agent.observe.activity import proc_stat
from agent.observe.activity.view import read_object

FOLDER = os.path.join(runtime.ACTIVITY, "leases")
"""In the runtime folder."""


class Lease:
    """One lease."""

    __slots__ = ("name", "pid", "start", "until", "why")

    def __init__(self, name: str, until: float, why: str, pid: int | None, start: int) -> None:
        self.name = name
        """A number, by which `keep end` calls it."""
        self.until = until
        """When it ends at the latest, in seconds since the machine started."""
        self.why = why
        self.pid = pid
        """The process that it ends with; None: only its time ends it."""
        self.start = start
        """When that process started."""

    def holds(self, proc: str, boot: float) -> bool:
        """Tell whether it holds at this moment."""
        return boot < self.until and (self.pid is None or find_start(proc, self.pid) == self.start)


def find_start(proc: str, pid: int) -> int | None:
    """Return when a process started, in the kernel's ticks; None: there is no such process."""
    found = proc_stat.read(str(pid), f"{proc}/{pid}/stat")
    return found.start if found and not found.has_ended else None


def read_all(folder: str, proc: str, boot: float) -> list[Lease]:
    """Return the leases that hold, and take the others away; `folder` is the runtime folder."""
    found = []
    for name in list_names(folder):
        path = os.path.join(folder, FOLDER, f"{name}.json")
        rows = read_object(path)
        try:
            pid = rows["pid"]
            lease = Lease(
                name, float(rows["until"]), str(rows["why"]),
                None if pid is None else int(pid), int(rows["start"]),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            continue
        if lease.holds(proc, boot):
            found.append(lease)
        else:
            remove(folder, name)
    return found


def list_names(folder: str) -> list[str]:
    """Return the names of all leases, in the order in which they came."""
    try:
        names = [name.removesuffix(".json") for name in os.listdir(os.path.join(folder, FOLDER))]
    except OSError:
        return []
    return sorted((name for name in names if name.isdecimal()), key=int)


def write(
    folder: str, until: float, why: str, pid: int | None = None, *, proc: str = "/proc"
) -> Lease:
    """Add a lease. Raises OSError, and ProcessLookupError where there is no such process."""
    start = 0
    if pid is not None:
        found = find_start(proc, pid)
        if found is None:
            raise ProcessLookupError(f"there is no process {pid}")
        start = found
    os.makedirs(os.path.join(folder, FOLDER), 0o700, exist_ok=True)
    rows = {"until": until, "why": why, "pid": pid, "start": start}
    names = list_names(folder)
    number = int(names[-1]) if names else 0
    while True:
        number += 1
        path = os.path.join(folder, FOLDER, f"{number}.json")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:  # somebody else has just written it
            continue
        try:
            os.write(descriptor, json.dumps(rows).encode())
        finally:
            os.close(descriptor)
        return Lease(str(number), until, why, pid, start)


def remove(folder: str, name: str) -> bool:
    """End a lease; tell whether there was one."""
    try:
        os.unlink(os.path.join(folder, FOLDER, f"{name}.json"))
    except OSError:
        return False
    return True
