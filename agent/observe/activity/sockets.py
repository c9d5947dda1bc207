"""Connections to the editor and to sshd.

The kernel is asked by sock_diag(7), which takes 0.2 ms: /proc/net/tcp takes 4 ms, it locks each
bucket of a large table. Where that is not to be had (gVisor, a kernel without the module) the file
is read, see proc_pid_net(5).
"""

import _socket  # `socket` adds 3 ms to its start
import struct
from collections.abc import Iterable, Iterator

from agent.machine.files import STATE, read_file

ESTABLISHED = 1
"""A state of linux/tcp_states.h."""
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x1 | 0x300
_HEAD = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, pid."""
_QUESTION = struct.Struct("=BBBxI48x")
"""inet_diag_req_v2: family, protocol, extensions, the states as bits, and a socket's id."""
_PORT = struct.Struct("!H")
_PORT_AT = _HEAD.size + 4
"""Where the local port stands in an answer: inet_diag_msg begins with four bytes."""
_PIECE = 1 << 16


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
            yield from [*ask(_socket.AF_INET), *ask(_socket.AF_INET6)]
        except (OSError, struct.error):
            pass
        else:
            return
    for table in ("tcp", "tcp6"):
        yield from read_table(f"{proc}/net/{table}")


def ask(family: int) -> list[int]:
    """Return the local ports of the connections of a family. Raises OSError and struct.error."""
    question = _QUESTION.pack(family, _socket.IPPROTO_TCP, 0, 1 << ESTABLISHED)
    head = _HEAD.pack(_HEAD.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    connection = _socket.socket(_socket.AF_NETLINK, kind, _SOCK_DIAG)
    found: list[int] = []
    try:
        connection.settimeout(1.0)
        connection.send(head + question)
        while read_answer(connection.recv(_PIECE), found):
            pass
    finally:
        connection.close()
    return found


def read_answer(answer: bytes, found: list[int]) -> bool:
    """Add the ports of one answer; tell whether more follows. Raises OSError and struct.error."""
    at = 0
    while at < len(answer):
        length, kind, *_ = _HEAD.unpack_from(answer, at)
        if kind == _NLMSG_DONE:
            return False
        if kind == _NLMSG_ERROR or length < _HEAD.size:
            raise OSError("the kernel does not tell of its sockets")
        found += _PORT.unpack_from(answer, at + _PORT_AT)
        at += (length + 3) & ~3
    return bool(answer)


def read_table(path: str) -> Iterator[int]:
    """Yield the local ports of the connections of /proc/net/tcp or tcp6."""
    try:
        lines = read_file(path, STATE).split(b"\n")
    except OSError:  # there is no IPv6
        return
    for line in lines[1:]:
        fields = line.split(None, 4)
        try:
            if int(fields[3], 16) == ESTABLISHED:
                yield int(fields[1].rpartition(b":")[2], 16)
        except (ValueError, IndexError):
            continue
