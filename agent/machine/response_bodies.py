"""What a server answers, read piece by piece: no more than a limit, and not for ever."""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

LONGEST = 1024 * 1024
"""Bytes: no token comes in more."""
TIME = 20.0
"""Seconds for a whole answer, however it trickles."""
_PIECE = 4096


class TooLongError(Exception):
    """There is more than anybody asked for."""


def read_body(answer: "requests.Response") -> str:
    """Return the body of an answer that is streamed. Raises TooLongError, TimeoutError."""
    deadline = time.monotonic() + TIME
    body = b""
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) > LONGEST:
            raise TooLongError
        if time.monotonic() > deadline:
            raise TimeoutError
    return body.decode(errors="replace")
