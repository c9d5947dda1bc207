"""Who was given a token: the record that git's helper, gh's wrapper and our own verbs keep.

A line for each answer, tabs between: the uptime of the machine in seconds, the way it was asked
for, the host, the process id of the program that asked, the shells and parts of git between it and
us (`name:pid`, blanks between), the repository's path on the host, the program's name. Only the
name, the last, may hold a tab. No token is in it. Where a record is full it becomes the one before,
which it replaces: `agent/github/helpers/record.sh` is the same in the shell's own commands.

It tells what happened, and proves nothing: all that may ask for a token may write here.
"""

import contextlib
import os
import re
from datetime import datetime, timedelta
from pathlib import Path

from agent.machine.light import proc, runtime
from agent.machine.system import Facts
from agent.machine.values import frozen

WAYS = ("git", "gh", "token", "exec")
"""git's credential helper, gh's wrapper, and our own verbs."""
SHELLS = frozenset({"sh", "dash", "ash", "bash", "zsh", "ksh", "fish", "busybox"})
LIMIT = 128_000
"""Bytes of a record, of which there are two at most."""
DEEPEST = 16
"""Shells and parts of git, after which whatever comes is taken for the program."""


@frozen
class Caller:
    """A process; without a program where it is outside the container."""

    program: str
    pid: int


@frozen
class Entry:
    """One answer."""

    time: datetime
    """To the second."""
    way: str
    hosts: tuple[str, ...]
    """Of these the program could use the token: gh of any, all others of one."""
    repository: str
    """Its path on the host, where git tells it."""
    program: str
    """That of the first parent that is neither a shell nor of git; empty: none in here is."""
    pid: int
    through: tuple[Caller, ...]
    """The shells and parts of git between it and us, ours first."""


def note(facts: Facts, way: str, host: str) -> None:
    """Put an answer of this process on record. What cannot be written is not on record."""
    asker, between = find_asker(os.getppid())
    through = " ".join(f"{caller.program}:{caller.pid}" for caller in between)
    program = asker.program.partition("\n")[0]
    fields = (f"{facts.clock.uptime():.0f}", way, host, str(asker.pid), through, "", program)
    with contextlib.suppress(OSError):
        _append(facts.runtime / runtime.AUDIT, "\t".join(fields).encode() + b"\n")


def _append(path: Path, line: bytes) -> None:
    with runtime.hold_lock(path.with_name(f"{path.name}.lock")):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size + len(line) > LIMIT:
                path.rename(_find_old(path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def find_asker(pid: int, root: Path = Path("/proc")) -> tuple[Caller, tuple[Caller, ...]]:
    """Return the process, or the first of its parents, that is neither a shell nor of git."""
    between: list[Caller] = []
    while pid:
        try:
            program, fields = proc.read_stat(root / str(pid))
        except OSError:
            break
        if not is_between(program) or len(between) == DEEPEST:
            return Caller(program, pid), tuple(between)
        between.append(Caller(program, pid))
        pid = int(fields[1])
    return Caller("", pid), tuple(between)


def is_between(program: str) -> bool:
    """Tell whether a program is a shell or a part of git."""
    return program in SHELLS or re.fullmatch(r"git(-[a-z-]*)?", program) is not None


# --- reading it ---------------------------------------------------------------------------------


def read(facts: Facts) -> list[Entry]:
    """Return what is on record, the oldest first. Raises OSError."""
    path = facts.runtime / runtime.AUDIT
    start = facts.clock.now() - timedelta(seconds=facts.clock.uptime())
    lines = [line for each in (_find_old(path), path) for line in _read_lines(each, facts)]
    return [entry for line in lines if (entry := parse(line, start))]


def parse(line: bytes, start: datetime) -> Entry | None:
    """Return what a line says; None: it is damaged. `start`: when the machine was started."""
    fields = line.decode(errors="surrogateescape").split("\t", 6)
    try:
        uptime, way, hosts, pid, through, repository, program = fields
        callers = (name.rpartition(":") for name in through.split())
        entry = Entry(
            start + timedelta(seconds=float(uptime)),
            WAYS[WAYS.index(way)],
            tuple(hosts.split(",")),
            repository.removesuffix(".git"),
            program,
            int(pid),
            tuple(Caller(name, int(number)) for name, _, number in callers),
        )
    except (ValueError, OverflowError):
        return None
    return entry


def _read_lines(path: Path, facts: Facts) -> list[bytes]:
    return (facts.read(path, 2 * LIMIT) or b"").split(b"\n")[:-1]


def _find_old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")
