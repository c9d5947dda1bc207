"""Who is at the other end of a connection from this machine, as the kernel tells it.

https://docs.kernel.org/networking/proc_net_tcp.html
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.machine.files import read_file
from agent.machine.system import Facts
from agent.services import supervisord
from agent.services.code_server import NAME as EDITOR

TABLES = {socket.AF_INET: "tcp", socket.AF_INET6: "tcp6"}
ESTABLISHED = "01"
"""TCP_ESTABLISHED of include/net/tcp_states.h: of no other state the kernel knows the user."""
LIMIT = 64 * 1024 * 1024
"""Bytes of a table: 150 for each connection."""


@dataclass(frozen=True)
class Peer:
    """The end of a connection that a process of this machine holds."""

    uid: int
    inode: int

    def is_own(self) -> bool:
        """Tell whether it is this user, or root, who reads everything anyway."""
        return self.uid in (0, os.getuid())


def find_peer(connection: socket.socket, folder: Path = Path("/proc/net")) -> Peer | None:
    """Return who holds the other end; None: it is not of this machine, or has hung up."""
    own, other = connection.getsockname(), connection.getpeername()
    words = [encode(other), encode(own), ESTABLISHED]
    with suppress(OSError, ValueError, IndexError):
        for line in read_file(folder / TABLES[connection.family], LIMIT).split(b"\n")[1:]:
            fields = line.decode("ascii").split()
            if fields[1:4] == words:
                return Peer(int(fields[7]), int(fields[9]))
    return None


def encode(name: tuple[str, int]) -> str:
    """Return an address and port as the tables have them: words of 4 bytes in the host's order."""
    family = socket.AF_INET6 if ":" in name[0] else socket.AF_INET
    packed = socket.inet_pton(family, name[0])
    words = (int.from_bytes(packed[at : at + 4], "little") for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words) + f":{name[1]:04X}"


def is_editor(peer: Peer, facts: Facts) -> bool:
    """Tell whether code-server is at the other end, which has asked for its own login before."""
    with suppress(OSError):
        found = supervisord.query_states(facts.runtime).get(EDITOR)
        pids = list_family(found.pid) if found and found.pid else ()
        return any(peer.inode in list_sockets(pid) for pid in pids)
    return False


def list_family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    with suppress(OSError):
        for child in read_file(Path(f"/proc/{pid}/task/{pid}/children"), LIMIT).split():
            yield from list_family(int(child))


def list_sockets(pid: int) -> Iterator[int]:
    """Yield the inodes of the sockets that a process of this user holds."""
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if found := re.fullmatch(r"socket:\[(\d+)\]", str(path.readlink())):
                    yield int(found[1])
