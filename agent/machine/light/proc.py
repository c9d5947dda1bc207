"""What Linux tells of a process in /proc."""

import os
import time
from collections.abc import Iterator

UNNAMED = "MainThread"
"""What Node calls the thread that every process begins with."""

RUNS = "R"
"""State of a process in /proc/PID/stat that runs or could. See proc_pid_stat(5)."""
GONE = ("Z", "X")
TIMES = slice(11, 15)
"""Of the fields after the name: its processor time and that of the children that it has reaped."""
START = 19
"""Of the same fields: when it was started, in ticks since the machine was."""
SCHEDSTAT = "/proc/self/schedstat"
"""https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat"""


class Process:
    """A process that lives, or that has ended and that this one is still to reap."""

    def __init__(self, pid: int, parent: int) -> None:
        self.pid = pid
        self.parent = parent


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


def list_processes() -> Iterator[Process]:
    """Yield every process but those that have ended and are another parent's to reap."""
    own = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _read_fields(int(name))
            if fields and (fields[0] not in GONE or int(fields[1]) == own):
                yield Process(int(name), int(fields[1]))


def find_family(top: int) -> set[int]:
    """Return a process and those that it has started."""
    family = {top}
    for one in sorted(list_processes(), key=lambda one: one.pid):
        if one.parent in family:
            family.add(one.pid)
    return family


def want_processor(pids: "set[int]") -> bool:
    """Tell whether one of these processes runs or waits for a processor."""
    return any(_read_fields(pid)[:1] == [RUNS] for pid in pids)


def sum_processor_time(pids: "set[int]") -> float:
    """Return the seconds that these processes have had a processor."""
    ticks = sum(int(field) for pid in pids for field in _read_fields(pid)[TIMES])
    return ticks / os.sysconf("SC_CLK_TCK")


def read_age() -> float:
    """Return the seconds since this process was started, which is before it runs anything of ours.

    Raises OSError.
    """
    started = int(read_stat("/proc/self")[1][START]) / os.sysconf("SC_CLK_TCK")
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)


def measure_turns() -> float:
    """Return the seconds that this process has had a processor or waited for one.

    On a kernel that does not count them, only those that it has had one.
    """
    try:
        with open(SCHEDSTAT, "rb", buffering=0) as file:
            ran, waited, _ = map(int, file.read().split())
    except (OSError, ValueError):
        ran = waited = 0
    if ran == 0:  # which is never true: a kernel without such statistics writes "0 0 0"
        return time.process_time()
    return (ran + waited) / 1e9


def count_switches(pid: int) -> int | None:
    """Return how often a process has lost its processor, which it does after each turn.

    None: it is gone, or this kernel does not count. See proc_pid_status(5).
    """
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            lines = file.read().split(b"\n")
    except OSError:
        return None
    counts = [int(line.split()[1]) for line in lines if b"ctxt_switches:" in line]
    return sum(counts) if counts else None


def _read_fields(pid: int) -> list[str]:
    """Return what `read_stat` does without the name; nothing: it is gone."""
    try:
        return read_stat(f"/proc/{pid}")[1]
    except OSError:
        return []
