"""A process, as its line in /proc shows it. Light: nothing is parsed before it is needed.

See proc_pid_stat(5). A line that no kernel writes is a process that is not there.
"""

import os
from collections.abc import Iterable, Iterator

TICKS = os.sysconf("SC_CLK_TCK")
"""Of the kernel's account, per second."""
_LINE = 1024
"""Bytes: a line has 52 numbers and a name."""
_COMMAND = 4096
_NAME = 2
"""Where the fields begin behind the name: the third of proc_pid_stat(5) is the first of ours."""
_PARENT, _GROUP, _SESSION, _TERMINAL, _FOREGROUND = 1, 2, 3, 4, 5
_USED = slice(11, 15)
"""utime, stime, cutime, cstime: what it has used, with the children that it has waited for."""
_START = 19


class Process:
    """One process; its numbers are texts, since most are only compared."""

    __slots__ = ("_fields", "before", "clock", "line", "name", "pid", "used")

    def __init__(self, pid: str, name: str, line: bytes, fields: list[bytes]) -> None:
        self.pid = pid
        self.name = name
        self.line = line
        """As much of it as matters."""
        self.clock = 0
        """Nanoseconds for which it had run when its line was read; 0: that is not known."""
        self.before: Process | None = None
        """What it was when its use of the processor was noted last; None: it was not there."""
        self.used = 0.0
        """Seconds of processor since the sample before; see `processor`."""
        self._fields = fields

    @property
    def has_ended(self) -> bool:
        """Tell whether it only waits for its parent to take notice of its end."""
        return self._fields[0] in (b"Z", b"X")

    @property
    def parent(self) -> str:
        """Return the pid of its parent; 0: it was put into the container from outside."""
        return self._fields[_PARENT].decode()

    @property
    def group(self) -> bytes:
        """Return its process group."""
        return self._fields[_GROUP]

    @property
    def leads_session(self) -> bool:
        """Tell whether its session is its own, as that of a terminal's first program is."""
        return self._fields[_SESSION].decode() == self.pid

    @property
    def is_in_foreground(self) -> bool:
        """Tell whether a terminal's keys are for its process group."""
        return self._fields[_GROUP] == self._fields[_FOREGROUND]

    @property
    def has_terminal(self) -> bool:
        """Tell whether it has a terminal."""
        return self._fields[_TERMINAL] != b"0"

    @property
    def terminal(self) -> str:
        """Return the name of its pseudo-terminal below /dev/pts; empty: it has none."""
        number = int(self._fields[_TERMINAL])
        major, minor = number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
        return str((major - _FIRST_MAJOR) * 256 + minor) if major in _MAJORS else ""

    @property
    def ticks(self) -> int:
        """Return what it has used since it started."""
        return sum(map(int, self._fields[_USED]))

    @property
    def start(self) -> int:
        """Return when it started, in ticks since the machine did: no two with its pid are alike."""
        return int(self._fields[_START])

    @property
    def start_moment(self) -> float:
        """Return when it started, in seconds since the machine did."""
        return self.start / TICKS


_FIRST_MAJOR = 136
_MAJORS = range(_FIRST_MAJOR, _FIRST_MAJOR + 8)
"""UNIX98_PTY_SLAVE_MAJOR of linux/major.h."""


_MOST_DIGITS = 9 * 20
"""Of nine numbers of 64 bits."""


def parse(pid: str, line: bytes) -> Process | None:
    """Return a process from its line in /proc; None: no kernel writes that."""
    end = line.rfind(b")")
    fields = line[end + 2 :].split(b" ", _START + 1)
    numbers = fields[_PARENT:_FOREGROUND] + fields[_USED] + fields[_START : _START + 1]
    digits = b"".join(numbers)
    if end < 0 or len(fields) <= _START or b"" in numbers:
        return None
    if not digits.isdigit() or len(digits) > _MOST_DIGITS:
        return None
    name = line[line.find(b"(") + 1 : end].decode(errors="replace")
    rest = sum(map(len, fields[_START + 1 :]))
    return Process(pid, name, line[: len(line) - rest], fields)


def read(pid: str, path: str, folder: int | None = None) -> Process | None:
    """Return a process from its file `stat`; None: it has ended, or is hidden."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    try:
        return parse(pid, os.read(descriptor, _LINE))
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_command(root: str, pid: str) -> list[str]:
    """Return the beginning of the words that a process was started with; none if it is gone."""
    try:
        descriptor = os.open(f"{root}/{pid}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        return os.read(descriptor, _COMMAND).decode(errors="replace").split("\0")
    except OSError:
        return []
    finally:
        os.close(descriptor)


class Family:
    """Who started whom."""

    def __init__(self, processes: dict[str, Process]) -> None:
        self._children: dict[str, list[Process]] = {}
        for process in processes.values():
            self._children.setdefault(process.parent, []).append(process)

    def find(self, heads: Iterable[Process], without: Iterable[Process] = ()) -> Iterator[Process]:
        """Yield these processes and all that they have started, without some and all of theirs."""
        seen = {process.pid for process in without}
        left = list(heads)
        while left:
            process = left.pop()
            if process.pid not in seen:
                seen.add(process.pid)
                yield process
                left += self._children.get(process.pid, ())
