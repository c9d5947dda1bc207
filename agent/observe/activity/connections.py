"""Connections to the editor and to sshd.

The kernel is asked by netlink; where that is not to be had the file is read, see proc_pid_net(5).
"""

import struct
from collections.abc import Iterable, Iterator

from agent.machine.light import netlink
from agent.machine.light.files import STATE, read_file

_PORT = struct.Struct("!4xH")
"""The local port in an inet_diag_msg."""


def count(proc: str, ports: Iterable[int]) -> dict[int, int]:
    """Return how many connections each of these local ports has, as far as it can be known."""
    found = {port: 0 for port in ports if port}
    if not found:
        return found
    for port in find_local_ports(proc):
        if port in found:
            found[port] += 1
    return found


def find_local_ports(proc: str) -> Iterator[int]:
    """Yield the local port of each connection; only of the real /proc is the kernel asked."""
    if proc == "/proc":
        try:
            found = netlink.list_tcp(netlink.ESTABLISHED)
            yield from [_PORT.unpack_from(each)[0] for each in found]
        except (OSError, struct.error):
            pass
        else:
            return
    for table in ("tcp", "tcp6"):
        yield from read_table(f"{proc}/net/{table}")


def read_table(path: str) -> Iterator[int]:
    """Yield the local ports of the connections of /proc/net/tcp or tcp6."""
    try:
        lines = read_file(path, STATE).split(b"\n")
    except OSError:  # there is no IPv6
        return
    for line in lines[1:]:
        fields = line.split(None, 4)
        try:
            if int(fields[3], 16) == netlink.ESTABLISHED:
                yield int(fields[1].rpartition(b":")[2], 16)
        except (ValueError, IndexError):
            continue
