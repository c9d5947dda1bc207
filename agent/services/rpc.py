"""Asks supervisord over its socket: as much of XML-RPC as one question and its answer need.

http://xmlrpc.com/spec.md. The library for it loads TLS, mail and gzip as well: 45 ms of each
`health`, `status`, scrape and page.
"""

import socket
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from agent.machine.deadline import find_rest

QUESTION = b"<?xml version='1.0'?><methodCall><methodName>%s</methodName><params/></methodCall>"
HEAD = (
    "POST /RPC2 HTTP/1.0\r\nAuthorization: Basic {password}\r\nContent-Type: text/xml\r\n"
    "Content-Length: {length}\r\n\r\n"
)
LIMIT = 16 << 20
"""Bytes of an answer; a service takes about two thousand."""
_PIECE = 1 << 16


def call(path: Path, account: str, method: str, timeout: float) -> list[dict[str, Any]]:
    """Call a method without parameters that returns rows; `account` is USER:PASSWORD.

    Raises OSError when it does not answer within `timeout` seconds, or not with sense.
    """
    body = QUESTION % method.encode()
    password = b64encode(account.encode()).decode()
    head = HEAD.format(password=password, length=len(body)).encode()
    answer = _exchange(path, head + body, time.monotonic() + timeout)
    status, _, rest = answer.partition(b"\r\n")
    if status.split(b" ")[1:2] != [b"200"]:
        raise OSError(f"supervisord gave no proper answer: {status[:80]!r}")
    try:
        return parse(rest.partition(b"\r\n\r\n")[2])
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise OSError(f"supervisord gave no proper answer: {error}") from error


def _exchange(path: Path, question: bytes, deadline: float) -> bytes:
    """Send this, and return what comes until the other side hangs up. Raises OSError."""
    answer = bytearray()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(find_rest(deadline))
        connection.connect(str(path))
        connection.sendall(question)
        while True:
            connection.settimeout(find_rest(deadline))
            piece = connection.recv(_PIECE)
            answer += piece
            if not piece or len(answer) > LIMIT:
                return bytes(answer)


def parse(answer: bytes) -> list[dict[str, Any]]:
    """Return the rows of an answer, each with texts and numbers.

    Raises ExpatError, ValueError, and LookupError for an encoding that nobody knows.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.begin
    parser.CharacterDataHandler = reader.text.append
    parser.EndElementHandler = reader.end
    parser.Parse(answer, True)
    if reader.has_failed:
        raise ValueError(f"it refuses: {reader.rows}")
    return reader.rows


class _Reader:
    """Takes the rows from the elements: an array of structs, or the one of a fault."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.text: list[str] = []
        self.has_failed = False
        self._name = ""
        self._kinds: dict[str, Callable[[str], object]] = {"int": int, "i4": int, "string": str}
        self._value: object = None

    def begin(self, element: str, _: dict[str, str]) -> None:
        """Take note of the beginning of an element."""
        self.text.clear()
        self.has_failed |= element == "fault"
        if element == "struct":
            self.rows.append({})

    def end(self, element: str) -> None:
        """Take what has just ended."""
        text = "".join(self.text)
        if element == "name":
            self._name = text
        elif element in self._kinds:
            self._value = self._kinds[element](text)
        elif element == "member" and self.rows:
            self.rows[-1][self._name], self._value = self._value, None
        self.text.clear()
