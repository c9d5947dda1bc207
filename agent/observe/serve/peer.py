"""Who is at the other end of a connection from this machine, as the kernel tells it.

https://docs.kernel.org/networking/proc_net_tcp.html
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.machine.light.files import STATE, read_file
from agent.machine.network import sockets
from agent.machine.values import frozen
from agent.services.code_server import NAME as EDITOR
from agent.services.status import ask_supervisord
from agent.settings.context import Context


@frozen
class Peer:
    """The end of a connection that a process of this machine holds."""

    uid: int
    inode: int

    def is_own(self) -> bool:
        """Tell whether it is this user, or root, who reads everything anyway."""
        return self.uid in (0, os.getuid())


def find_peer(connection: socket.socket, folder: Path = sockets.FOLDER) -> Peer | None:
    """Return who holds the other end; None: it is not of this machine, or has hung up."""
    found = sockets.find_other_end(connection, folder)
    return Peer(found.uid, found.inode) if found else None


def is_editor(peer: Peer, current: Context) -> bool:
    """Tell whether code-server is at the other end, which has asked for its own login before."""
    states = current.once(ask_supervisord)
    found = None if isinstance(states, OSError) else states.get(EDITOR)
    pids = list_family(found.pid) if found and found.pid else ()
    return any(peer.inode in sockets.list_inodes(pid) for pid in pids)


def list_family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    with suppress(OSError):
        for child in read_file(Path(f"/proc/{pid}/task/{pid}/children"), STATE).split():
            yield from list_family(int(child))
