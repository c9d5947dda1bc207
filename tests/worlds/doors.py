"""The sockets of a container at which somebody may knock, as its kernel lists them.

Read here and not by the agent's own reader, which is one of the parts that are tested.
https://docs.kernel.org/networking/proc_net_tcp.html
"""

import ipaddress
import re
from collections.abc import Iterator

from tests.worlds.containers import Container

LISTENING, UNCONNECTED = "0A", "07"
"""Of TCP, and of what knows no connections: include/net/tcp_states.h."""
WAITING_STATE = {
    "tcp": LISTENING, "udp": UNCONNECTED, "udplite": UNCONNECTED, "icmp": UNCONNECTED,
    "raw": UNCONNECTED,
}  # fmt: skip
TABLES = (
    *WAITING_STATE, *(f"{name}6" for name in WAITING_STATE), "unix", "packet", "sctp/eps",
)  # fmt: skip
SCRIPT = 'cd /proc/net; for table; do echo "== $table"; cat "$table" 2>/dev/null; done; true'
ACCEPTS = 0x10000
"""__SO_ACCEPTCON of include/uapi/linux/net.h, in the flags of a Unix socket."""
DATAGRAM = "0002"
SUPERVISORDS_OWN_SUFFIX = re.compile(r"\.\d+$")
"""It binds PATH.PID, and links PATH to it: supervisor/http.py."""


def list_doors(box: Container) -> set[str]:
    """Return what takes callers: "tcp 127.0.0.1:8079", "unix /PATH", "unix @ABSTRACT"."""
    text = box.execute("sh", "-c", SCRIPT, "sh", *TABLES)
    found: set[str] = set()
    for table in text.split("== ")[1:]:
        name, *rows = table.splitlines()
        found.update(read_table(name, [row.split() for row in rows[1:]]))  # the first: headings
    return found


def read_table(name: str, rows: list[list[str]]) -> Iterator[str]:
    """Yield the doors in the rows of one table of /proc/net."""
    if name == "unix":
        yield from read_unix(rows)
        return
    protocol = name.removesuffix("6")
    wanted = WAITING_STATE.get(protocol)
    for row in rows:
        if wanted is None:  # whoever has a packet socket hears everybody
            yield " ".join([name, *row])
        elif row[3] == wanted:
            yield f"{protocol} {read_end(row[1])}"


def read_unix(rows: list[list[str]]) -> Iterator[str]:
    for row in rows:
        flags, kind, path = int(row[3], 16), row[4], "".join(row[7:8])
        if flags & ACCEPTS or (kind == DATAGRAM and path):
            yield f"unix {SUPERVISORDS_OWN_SUFFIX.sub('', path)}"


def read_end(text: str) -> str:
    """Return ADDRESS:PORT of hexadecimal words in the order of a little-endian machine."""
    words, _, port = text.partition(":")
    packed = bytes.fromhex(words)
    turned = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
    address = ipaddress.ip_address(turned)
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{int(port, 16)}"
