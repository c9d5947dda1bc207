"""Strangers who call: `caller.py KIND COUNT DOOR`, inside a container.

They keep so many connections to a door until their input ends, and say `there` once the first of
each has been tried. Those that are closed are opened again, twenty each second. DOOR is as
`tests.worlds.doors` writes it, KIND one of KINDS. Standard library only.
"""

import random
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SLOW = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 10_000
AGAIN_EACH_SECOND = 20
STEP, STEPS = 0.1, 10
"""Seconds between two looks, and how many of them a slow one takes for a byte."""


class Caller:
    """One connection of a stranger: silent."""

    def __init__(self, door: str) -> None:
        self.connection = connect(door)
        self.begin()

    def begin(self) -> None:
        """Do what is to be done at once."""

    def go_on(self) -> None:
        """Do what is to be done now and then; notice that the other side has hung up."""
        with suppress(BlockingIOError):
            if not self.connection.recv(65536):
                raise ConnectionResetError


class SlowWriter(Caller):
    """Sends a request, a byte a second."""

    sent = 0

    def go_on(self) -> None:
        super().go_on()
        with suppress(BlockingIOError):
            self.sent += self.connection.send(SLOW[self.sent : self.sent + 1])


class SlowReader(Caller):
    """Asks a hundred times, and reads a byte a second of the answers."""

    def begin(self) -> None:
        self.left = REQUEST * 100

    def go_on(self) -> None:
        with suppress(BlockingIOError):
            while self.left:
                self.left = self.left[self.connection.send(self.left) :]
        with suppress(BlockingIOError):
            if not self.connection.recv(1):
                raise ConnectionResetError


class Garbage(Caller):
    """Sends what makes no sense, without an end, and reads nothing."""

    def begin(self) -> None:
        self.noise = random.randbytes(65536)

    def go_on(self) -> None:
        with suppress(BlockingIOError):
            self.connection.send(self.noise)


def connect(door: str) -> socket.socket:
    """Begin a connection to a door, with little room for answers. Raises OSError."""
    family, _, place = door.partition(" ")
    if family == "unix":
        connection = socket.socket(socket.AF_UNIX)
        target: object = place.replace("@", "\0", 1)
    else:
        host, _, port = place.rpartition(":")
        connection = socket.socket(socket.AF_INET)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        target = host, int(port)
    connection.setblocking(False)
    with suppress(BlockingIOError):  # of TCP; a Unix socket whose queue is full is tried again
        connection.connect(target)  # type: ignore[arg-type]
    return connection


KINDS: dict[str, Callable[[str], Caller]] = {
    "silent": Caller, "slow writers": SlowWriter, "slow readers": SlowReader, "garbage": Garbage,
}  # fmt: skip
QUIET = ("silent",)
"""They do nothing until the other side does."""
HALF_OPEN = "half-open"
"""The handshake of TCP is begun and never ended; only root with CAP_NET_RAW can do that."""


def call(kind: str, count: int, door: str) -> None:
    """Keep the connections until the input ends. Whoever only waits costs no processor."""
    poll = select.epoll()
    poll.register(sys.stdin, select.EPOLLIN)
    callers: dict[int, Caller] = {}
    step, room = 0, float(count)
    while True:
        while room >= 1 and len(callers) < count:
            room -= 1
            with suppress(OSError):
                caller = KINDS[kind](door)
                callers[caller.connection.fileno()] = caller
                poll.register(caller.connection, select.EPOLLIN if kind in QUIET else 0)
        if not step:
            print("there", flush=True)
        step += 1
        found = [number for number, _ in poll.poll(STEP)]
        if sys.stdin.fileno() in found:
            return
        busy = [] if kind in QUIET or step % STEPS else [*callers]
        for number in {*found, *busy}:
            go_on(callers, number)
        room = min(room + AGAIN_EACH_SECOND * STEP, AGAIN_EACH_SECOND)


def go_on(callers: dict[int, Caller], number: int) -> None:
    """Let a caller go on, or forget it: it has been hung up on."""
    try:
        callers[number].go_on()
    except OSError:
        callers.pop(number).connection.close()


def knock(count: int, door: str) -> None:
    """Send the first packet of so many connections, again and again, from where nobody lives.

    RFC 9293, section 3.1. The addresses are of the door's own network, so nothing leaves it.
    """
    host, _, port = door.partition(" ")[2].rpartition(":")
    sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    target = socket.inet_aton(host)
    for turn in range(10**9):
        for number in range(count):
            source = target[:3] + bytes([200 + number % 16])
            sender.sendto(make_packet(source, target, 20_000 + number, int(port)), (host, 0))
        if not turn:
            print("there", flush=True)
        if select.select([sys.stdin], [], [], 1.0)[0]:
            return


def make_packet(source: bytes, target: bytes, own: int, port: int) -> bytes:
    """Return a SYN; the kernel fills in what the header of IP lacks."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    fields = (own, port, int(time.monotonic() * 1e6) & 0xFFFFFFFF, 0, 5 << 4, 0x02, 64_000)
    pseudo = source + target + struct.pack("!BBH", 0, socket.IPPROTO_TCP, 20)
    bare = struct.pack("!HHLLBBHHH", *fields, 0, 0)
    return ip + struct.pack("!HHLLBBHHH", *fields, find_checksum(pseudo + bare), 0)


def find_checksum(data: bytes) -> int:
    """Return the Internet checksum: RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    if sys.argv[1] == HALF_OPEN:
        knock(int(sys.argv[2]), sys.argv[3])
    else:
        call(sys.argv[1], int(sys.argv[2]), sys.argv[3])
