"""What the kernel answers by sock_diag(7): its sockets in some states, without a walk through all.

It takes 0.2 ms, where /proc/net/tcp takes 4 ms, since that locks each bucket of a large table. Not
every machine has it: gVisor, a kernel without the module.
"""

import _socket  # `socket` adds 3 ms to the start of a program
import struct

ESTABLISHED, LISTENING = 1, 10
"""States of linux/tcp_states.h."""
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_REQUEST_DUMP = 0x1 | 0x300
_HEAD = struct.Struct("=IHHII")
"""nlmsghdr: length, type, flags, sequence, pid."""
_QUESTION = struct.Struct("=BBBxI48x")
"""inet_diag_req_v2: family, protocol, extensions, the states as bits, and a socket's id."""
_PIECE = 1 << 16
_DEADLINE = 1.0
"""Seconds that the kernel has for a part of its answer."""


def list_tcp(state: int) -> list[bytes]:
    """Return the sockets of TCP in a state, IPv4 and IPv6, each as an inet_diag_msg.

    Raises OSError and struct.error.
    """
    return [*_ask(_socket.AF_INET, state), *_ask(_socket.AF_INET6, state)]


def _ask(family: int, state: int) -> list[bytes]:
    question = _QUESTION.pack(family, _socket.IPPROTO_TCP, 0, 1 << state)
    head = _HEAD.pack(_HEAD.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
    connection = _socket.socket(_socket.AF_NETLINK, kind, _SOCK_DIAG)
    found: list[bytes] = []
    try:
        connection.settimeout(_DEADLINE)
        connection.send(head + question)
        while read_answer(connection.recv(_PIECE), found):
            pass
    finally:
        connection.close()
    return found


def read_answer(answer: bytes, found: list[bytes]) -> bool:
    """Add the sockets of one answer; tell whether more follows. Raises OSError and struct.error."""
    at = 0
    while at < len(answer):
        length, kind, *_ = _HEAD.unpack_from(answer, at)
        if kind == _NLMSG_DONE:
            return False
        if kind == _NLMSG_ERROR or length < _HEAD.size:
            raise OSError("the kernel does not tell of its sockets")
        found.append(answer[at + _HEAD.size : at + length])
        at += (length + 3) & ~3
    return bool(answer)
