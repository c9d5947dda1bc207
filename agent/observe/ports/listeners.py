"""Who listens where: the sockets of the kernel, joined with the processes that hold them."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain
from pathlib import Path

from agent.machine.light.clock import Clock
from agent.machine.light.files import SECRET, read_file
from agent.machine.network import sockets
from agent.machine.network.sockets import TCP, UDP, Socket
from agent.machine.values import frozen
from agent.observe.ports import listening_programs
from agent.observe.ports.listening_programs import Program

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
USUAL_RANGE = (32768, 60999)
MAPPED = "::ffff:"
"""An address of IPv4 as sockets of IPv6 have it."""


@frozen
class Listener:
    """A port on which a program listens, at one address or several."""

    protocol: str
    port: int
    addresses: tuple[str, ...]
    uid: int
    program: Program | None
    """None: we may not look into it, or it is gone."""

    @property
    def is_for_all(self) -> bool:
        """Tell whether it listens on every network of the container."""
        return any(ip_address(each).is_unspecified for each in self.addresses)

    @property
    def is_on_ipv4(self) -> bool:
        """Tell whether 127.0.0.1 leads to it: `::` takes IPv4 as well."""
        return any(each in ("0.0.0.0", "::") or each.startswith("127.")  # noqa: S104 - compared
                   for each in map(unmap, self.addresses))  # fmt: skip

    @property
    def is_local(self) -> bool:
        """Tell whether only programs in the container reach it."""
        return all(ip_address(unmap(each)).is_loopback for each in self.addresses)


def unmap(address: str) -> str:
    """Return an address of IPv4 that is written as one of IPv6, as one of IPv4."""
    found = ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)


def find(clock: Clock, *, with_udp: bool = False) -> list[Listener]:
    """Return all listeners, in the order of their ports."""
    found = [*sockets.list_open(TCP), *(sockets.list_open(UDP) if with_udp else ())]
    holders = sockets.find_holders({each.inode for each in found})
    known = {pid: listening_programs.read(pid, clock) for pid in {*chain(*holders.values())}}
    return join(found, {inode: find_first(map(known.get, pids)) for inode, pids in holders.items()})


def find_first(known: Iterable[Program | None]) -> Program | None:
    """Return which of those that share a socket has opened it: it was there before the others."""
    return min(filter(None, known), key=lambda each: (each.started, each.pid), default=None)


def join(found: Iterable[Socket], owners: Mapping[int, Program | None]) -> list[Listener]:
    """Return a listener for each port and program, whatever number of sockets it has for that."""
    groups: dict[tuple[str, int, int, str], list[Socket]] = {}
    for each in found:
        owner = owners.get(each.inode)
        name = owner.name if owner else ""
        groups.setdefault((each.protocol, each.port, each.uid, name), []).append(each)
    return sorted(
        (_make(group, owners) for group in groups.values()),
        key=lambda each: (each.port, each.protocol, each.addresses),
    )


def _make(group: Sequence[Socket], owners: Mapping[int, Program | None]) -> Listener:
    first = group[0]
    addresses = sorted({each.address for each in group}, key=lambda each: (":" in each, each))
    program = find_first(owners.get(each.inode) for each in group)
    return Listener(first.protocol, first.port, tuple(addresses), first.uid, program)


def read_ephemeral(path: Path = RANGE) -> range:
    """Return the ports that the kernel gives to those who ask for any."""
    try:
        low, high = map(int, read_file(path, SECRET).split())
    except (OSError, ValueError):
        low, high = USUAL_RANGE
    return range(low, high + 1)
