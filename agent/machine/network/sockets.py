"""The sockets of this machine, as the kernel tells: no right over processes is needed for that.

https://docs.kernel.org/networking/proc_net_tcp.html
"""

import contextlib
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agent.machine.light import netlink
from agent.machine.light.expressions import regex
from agent.machine.light.files import read_file

FOLDER = Path("/proc/net")
TCP, UDP = "tcp", "udp"
ESTABLISHED, UNCONNECTED, LISTENING = b"01", b"07", b"0A"
"""TCP_ESTABLISHED, TCP_CLOSE and TCP_LISTEN of include/net/tcp_states.h, as the tables have them. A
socket of UDP that takes from anybody is in the second."""
LIMIT = 64 * 1024 * 1024
"""Bytes of a table: 150 for each connection."""
_ENDS = struct.Struct("!4xHH16s16s")
_OWNER, _OWNER_AT = struct.Struct("=II"), 64
"""Ports and addresses in an inet_diag_msg; uid and inode."""
_END = regex(rb"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})")
_STEP = -1 if sys.byteorder == "little" else 1
_LINK = regex(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Socket:
    """A socket that waits for others."""

    protocol: str
    address: str
    """An IP address as people write it."""
    port: int
    uid: int
    inode: int


def list_open(protocol: str = TCP, folder: Path = FOLDER) -> Iterator[Socket]:
    """Return the sockets of a protocol that wait for others; damaged lines are left out.

    Only of the real tables is the kernel asked in the faster way.
    """
    if protocol == TCP and folder == FOLDER:
        with contextlib.suppress(OSError, struct.error):
            return iter([_unpack(each) for each in netlink.list_tcp(netlink.LISTENING)])
    return _read_open(protocol, folder)


def _read_open(protocol: str, folder: Path) -> Iterator[Socket]:
    wanted = UNCONNECTED if protocol == UDP else LISTENING
    for table in (protocol, f"{protocol}6"):
        for fields in _read_rows(folder / table):
            if fields[3] == wanted and (found := _decode(protocol, fields)):
                yield found


def _unpack(answer: bytes) -> Socket:
    """Return what an inet_diag_msg of linux/inet_diag.h says. Raises struct.error."""
    (port, packed), _ = _unpack_ends(answer)
    uid, inode = _OWNER.unpack_from(answer, _OWNER_AT)
    return Socket(TCP, _read_address(packed), port, uid, inode)


def find_listening(folder: Path = FOLDER) -> set[int]:
    """Return the TCP ports on which any program listens, at whatever address."""
    return {found.port for found in list_open(TCP, folder)}


def find_other_end(connection: socket.socket, folder: Path = FOLDER) -> Socket | None:
    """Return the other end of a connection from this machine.

    None: it is not of this machine, or has hung up: the kernel then knows its user no more.
    """
    own, other = connection.getsockname(), connection.getpeername()
    if folder == FOLDER:
        with contextlib.suppress(OSError, struct.error):
            wanted = _pack_end(other), _pack_end(own)
            found = netlink.list_tcp(netlink.ESTABLISHED)
            return next((_unpack(each) for each in found if _unpack_ends(each) == wanted), None)
    words = [encode_end(other), encode_end(own), ESTABLISHED]
    table = f"{TCP}6" if connection.family == socket.AF_INET6 else TCP
    rows = (fields for fields in _read_rows(folder / table) if fields[1:4] == words)
    return next(filter(None, (_decode(TCP, fields) for fields in rows)), None)


def _pack_end(name: tuple[str, int]) -> tuple[int, bytes]:
    family = socket.AF_INET6 if ":" in name[0] else socket.AF_INET
    return name[1], socket.inet_pton(family, name[0])


def _unpack_ends(answer: bytes) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Return the local and the remote end in an inet_diag_msg. Raises struct.error."""
    here, there, local, remote = _ENDS.unpack_from(answer)
    size = 4 if answer[0] == socket.AF_INET else 16
    return (here, local[:size]), (there, remote[:size])


def list_inodes(pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that a process holds, as far as we may look."""
    folder = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - there may be thousands
            with contextlib.suppress(OSError):
                link = os.readlink(f"{folder}/{name}")  # noqa: PTH115 - as above
                if found := _LINK.fullmatch(link):
                    yield int(found[1])


def find_holders(inodes: Set[int]) -> dict[int, list[int]]:
    """Return which processes hold these sockets, the lowest process ids first.

    A socket of a process that we may not look into is not there.
    """
    found: dict[int, list[int]] = {}
    for pid in list_processes():
        for inode in inodes & set(list_inodes(pid)):
            found.setdefault(inode, []).append(pid)
    return found


def list_processes() -> list[int]:
    """Return the ids of all processes that can be seen."""
    return sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal())


def _read_rows(table: Path) -> Iterator[list[bytes]]:
    with contextlib.suppress(OSError):  # there is no IPv6
        for line in read_file(table, LIMIT).split(b"\n")[1:]:
            fields = line.split(None, 10)  # what follows the inode is of no use
            if len(fields) > 9:
                yield fields


def _decode(protocol: str, fields: list[bytes]) -> Socket | None:
    """Return what the fields of a line say; None: no kernel writes that."""
    end = _END.fullmatch(fields[1])
    if not end or not (fields[7].isdigit() and fields[9].isdigit()):
        return None
    words = bytes.fromhex(end[1].decode())
    packed = b"".join(words[at : at + 4][::_STEP] for at in range(0, len(words), 4))
    return Socket(protocol, _read_address(packed), int(end[2], 16), int(fields[7]), int(fields[9]))


@lru_cache
def _read_address(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def encode_end(name: tuple[str, int]) -> bytes:
    """Return an address and port as the tables have them: words of 4 bytes in the host's order."""
    port, packed = _pack_end(name)
    words = (packed[at : at + 4][::_STEP].hex().upper() for at in range(0, len(packed), 4))
    return f"{''.join(words)}:{port:04X}".encode()
