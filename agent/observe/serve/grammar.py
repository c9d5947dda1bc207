"""The text of HTTP: a request as it comes in, and an answer as it goes out.

RFC 9112 as far as GET and HEAD need it. http.server would load TLS, mail and HTML: 25 ms of each
first answer.
"""

import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from agent import __version__
from agent.machine.light.expressions import regex
from agent.observe.serve.surface import Request, Response

GET, HEAD = "GET", "HEAD"
PHRASES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
"""RFC 9110, section 15, and RFC 6585."""
OLDEST = "HTTP/0.9"
"""It has no word for its version."""
LONGEST_LINE = 65536
MOST_HEADERS = 100
_VERSION = regex(r"HTTP/(\d{1,9})\.\d{1,9}")
_NAME = regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, section 5.6.2."""


class RefusedError(Exception):
    """What came is no request, or none that anybody here answers."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def asks_for_body(head: bytes) -> bool:
    """Tell whether an answer, also a refusal, has a body: of HEAD it has none."""
    return head.split(None, 1)[:1] != [HEAD.encode()]


def parse(head: bytes) -> Request:
    """Return the request. Raises RefusedError."""
    line, *rest = head.split(b"\n", MOST_HEADERS + 2)
    target = _parse_first(line.decode("latin-1"))
    headers = _parse_headers(rest)
    try:
        return read_request(target, headers)
    except ValueError as error:
        raise RefusedError(400, "the path is not one of a URL") from error


def _parse_first(line: str) -> str:
    """Return the target."""
    if len(line) > LONGEST_LINE:
        raise RefusedError(414, "the path is too long")
    words = line.split()
    version = _VERSION.fullmatch((*words, OLDEST)[2]) if len(words) in (2, 3) else None
    if not version:
        raise RefusedError(400, "the first line is not METHOD PATH HTTP/1.1")
    if int(version[1]) > 1:
        raise RefusedError(505, "this is HTTP/1.1")
    if words[0] not in (GET, HEAD):
        raise RefusedError(501, f"only {GET} and {HEAD} are answered: nothing can be changed here")
    return words[1]


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    """Return the headers by their names in small letters."""
    headers: dict[str, str] = {}
    *lines, cut = lines or [b""]
    for number, each in enumerate(lines):
        line = each.removesuffix(b"\r").decode("latin-1")
        if not line:
            break
        if len(line) > LONGEST_LINE or number >= MOST_HEADERS:
            raise RefusedError(431, "there is too much in the headers")
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name):
            raise RefusedError(400, "a header is not NAME: VALUE")
        if name.lower() == "host" and "host" in headers:
            raise RefusedError(400, "there are two Host headers")
        headers[name.lower()] = value.strip(" \t")
    else:
        if len(cut) > LONGEST_LINE:
            raise RefusedError(431, "there is too much in the headers")
        raise RefusedError(400, "the headers do not end with an empty line")
    return headers


def read_request(target: str, headers: Mapping[str, str]) -> Request:
    """Return the request for a target as it stands in the first line. Raises ValueError."""
    parts = urlsplit(f"/{target.lstrip('/')}" if target.startswith("/") else target)
    path = "/" + unquote(parts.path).lstrip("/")
    return Request(path, dict(parse_qsl(parts.query)), headers)


def write(response: Response, headers: Mapping[str, str], *, with_body: bool) -> bytes:
    """Return an answer as it is sent. The connection ends with it."""
    rows = {
        "Server": f"devcopilot/{__version__}",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        **headers,
        **response.headers,
        "Content-Type": response.content_type,
        "Content-Length": str(len(response.body)),
    }
    lines = [f"HTTP/1.0 {response.status} {PHRASES.get(response.status, '')}"]
    lines += [f"{name}: {value}" for name, value in rows.items()]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head + response.body if with_body else head
