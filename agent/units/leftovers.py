"""What a killed process leaves of its units' commands: it ends before they run again.

Each command leads a session, whose number is noted as long as the command is waited for.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.machine.light.files import STATE, read_file
from agent.machine.light.proc import GONE, list_processes, read_stat
from agent.machine.records.unit_record import FOLDER
from agent.machine.system import Facts

SUFFIX = ".session"
"""Of the files KIND.NUMBER.session in the folder of units, each with the start of its leader."""
PATIENCE = 5.0
"""Seconds between TERM and KILL, and at most so many until the kernel has done it."""
PAUSE = 0.02
SESSION, START = 3, 19
"""Of the fields after the name: proc_pid_stat(5)."""


@contextmanager
def noting(facts: Facts, kind: str) -> Iterator[Callable[[int], None]]:
    """Yield what notes the leader of a session; nobody waits for it any more at the end."""
    noted: list[Path] = []

    def note(leader: int) -> None:
        path = facts.runtime / FOLDER / f"{kind}.{leader}{SUFFIX}"
        with suppress(OSError):  # it has ended already, or the runtime folder is full
            start = read_stat(f"/proc/{leader}")[1][START]
            noted.append(path)
            path.write_text(start)

    try:
        yield note
    finally:
        for path in noted:
            path.unlink(missing_ok=True)


def end(facts: Facts, kind: str) -> None:
    """End the rest of a kind's commands. Only who holds the kind may call it."""
    for path in (facts.runtime / FOLDER).glob(f"{kind}.*{SUFFIX}"):
        with suppress(OSError, ValueError):
            _end_session(int(path.name.split(".")[-2]), read_file(path, STATE).decode())
        with suppress(OSError):
            path.unlink()


def _end_session(leader: int, start: str) -> None:
    """End a session whose leader began at this time, unless its number is another's by now."""
    with suppress(OSError):  # it is gone; its number is kept as long as one of the session lives
        if read_stat(f"/proc/{leader}")[1][START] != start:
            return
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _find_members(leader):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
        _wait_until_gone(leader)


def _wait_until_gone(leader: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while _find_members(leader) and time.monotonic() < deadline:
        time.sleep(PAUSE)


def _find_members(leader: int) -> list[int]:
    """Return the processes of a session that live."""
    found = []
    for process in list_processes():
        with suppress(OSError):
            fields = read_stat(f"/proc/{process.pid}")[1]
            if fields[SESSION] == str(leader) and fields[0] not in GONE:
                found.append(process.pid)
    return found
