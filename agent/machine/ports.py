"""The TCP ports on which somebody listens, read from the kernel: no right over processes is needed.

https://docs.kernel.org/networking/proc_net_tcp.html
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.machine.files import read_file

TABLES = ("tcp", "tcp6")
LISTENING = b"0A"
"""TCP_LISTEN of include/net/tcp_states.h, as the tables have it."""
LIMIT = 64 * 1024 * 1024
"""Bytes of a table: 150 for each connection."""


def find_listening(folder: Path = Path("/proc/net")) -> set[int]:
    """Return the ports on which any program listens, at whatever address."""
    return {port for table in TABLES for port in _read(folder / table)}


def _read(table: Path) -> Iterator[int]:
    with suppress(OSError):  # there is no IPv6
        for line in read_file(table, LIMIT).split(b"\n")[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == LISTENING:
                with suppress(ValueError):
                    yield int(fields[1].rpartition(b":")[2], 16)
