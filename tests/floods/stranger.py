"""What a stranger sends to a door and gets: `stranger.py DOOR`; a JSON document, base64 in it.

Sense, nonsense, halves of it, and far too much. Standard library only.
"""

import base64
import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

PATIENCE = 2.0
"""Seconds until a call without an answer is given up."""
MOST = 4 * 1024 * 1024
"""Bytes that are read of an answer."""
LINES = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /api/status HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET /../../../dev/shm/devcopilot-1000/boot.json HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n<methodCall>",
    b"GET /logtail/code-server HTTP/1.0\r\n\r\n",
    b"renew github.com \n", b"renew github.com " + b"0" * 64 + b"\n", b"token github.com\n",
    b"RUNNING sshd\n", b"SSH-2.0-stranger\r\n",
)  # fmt: skip


def list_messages() -> Iterator[bytes]:
    """Yield what is sent, a connection each."""
    yield b""
    for line in LINES:
        yield line
        yield line[: len(line) // 2]
    for size in (1, 100, 10_000, 1_000_000):
        yield os.urandom(size)
        yield b"A" * size
        yield b"\n" * size
    yield b"A" * 16 * 1024 * 1024


def ask(door: str, message: bytes) -> bytes:
    """Return all that is answered. Raises OSError where nobody may connect."""
    family, _, place = door.partition(" ")
    host, _, port = place.rpartition(":")
    target: object = (host, int(port)) if family == "tcp" else place
    with socket.socket(socket.AF_INET if family == "tcp" else socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(target)  # type: ignore[arg-type]
        answer = b""
        with suppress(OSError):
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while len(answer) < MOST and (part := connection.recv(65536)):
                answer += part
        return answer


def knock(door: str) -> dict[str, object]:
    """Try everything at a door."""
    answers, refusals = set(), set()
    for message in list_messages():
        try:
            answers.add(ask(door, message))
        except OSError as error:
            refusals.add(type(error).__name__)
    return {
        "answers": [base64.b64encode(each).decode() for each in sorted(answers)],
        "refusals": sorted(refusals),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(knock(sys.argv[1])))
