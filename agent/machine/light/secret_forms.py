"""The forms in which a secret may pass: as it is, and as programs write, quote and encode it."""

import json
from binascii import b2a_base64
from collections.abc import Iterator

from agent.machine.light.escaping import encode_json, escape_line
from agent.machine.light.expressions import regex

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
"""What no URL encodes: https://datatracker.ietf.org/doc/html/rfc3986#section-2.3"""
_URL_ALPHABET = bytes.maketrans(b"+/", b"-_")
_SHELL = regex(r"""([ '"|&;()!{}*\[\]?^$`<>\\,])""")
"""What bash writes a backslash before, for %q."""
_GO = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""What Go's JSON escapes, too: that of restic, gh and docker. https://pkg.go.dev/encoding/json"""
_MARKUP = tuple(str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': double, "'": single})
                for double, single in (("&quot;", "&#x27;"), ("&#34;", "&#39;"),
                                       ("&quot;", "&#39;"), ('"', "'")))  # fmt: skip
"""As Python, Go and JavaScript write HTML and XML, and as all write it outside of attributes."""
_DOUBLE = regex(r'([$`"\\])')
"""What bash writes a backslash before in double quotes, as declare -p does."""
_FRAME = regex(rb"-----(?:BEGIN|END) [A-Z0-9 ]{1,60}-----")
"""The first and the last line of a key: https://datatracker.ietf.org/doc/html/rfc7468#section-2"""
_LINE_END = regex(rb"[\r\n]")
_BREAK = regex(rb"\\r|\\n|\s")
GIT_USER = b"x-access-token"
"""The user that GitHub's own examples give to git beside a token."""


def find_lines(secret: bytes) -> Iterator[bytes]:
    r"""Yield each line of a secret but the frame of a key; of a key in one line, also its lines.

    Env files cannot contain line breaks, so such a key has blanks or a literal \n instead.
    """
    for line in map(bytes.strip, _LINE_END.split(secret)):
        if not line or _FRAME.fullmatch(line):
            continue
        yield line
        if _FRAME.match(line):
            yield from _BREAK.split(_FRAME.sub(b" ", line))


def find_text_forms(secret: bytes) -> Iterator[bytes]:
    """Yield a line as it is, in JSON, escaped for a terminal, quoted, and in a URL."""
    text = secret.decode(errors="surrogateescape")
    yield secret
    yield json.dumps(text)[1:-1].encode()
    yield encode_json(text)[1:-1].encode()
    yield escape_line(text).encode()
    for quoted in _quote(text):
        yield quoted.encode(errors="surrogateescape")
    in_url = b"".join(bytes([byte]) if byte in _PLAIN else b"%%%02X" % byte for byte in secret)
    yield in_url
    yield in_url.replace(b"%20", b"+")
    yield b"".join(bytes([byte]) if byte in _PLAIN else b"%%%02x" % byte for byte in secret)


def _quote(text: str) -> Iterator[str]:
    """Yield what shells, Python, Go and markup make of a text."""
    yield _SHELL.sub(r"\\\1", text)
    yield _DOUBLE.sub(r"\\\1", text)
    yield text.replace("'", "'\\''")
    yield text.replace("'", "'\"'\"'")
    yield repr(text)[1:-1]
    yield encode_json(text)[1:-1].translate(_GO)
    for table in _MARKUP:
        yield text.translate(table)


def find_base64_forms(secret: bytes, login: bytes = b"") -> Iterator[bytes]:
    """Yield what Base64 makes of a secret, alone and as HTTP sends it with a user's name.

    Beside these whole forms: those of the secret's own bytes behind whatever else was encoded with
    it, in each of the three ways in which they can lie. Of those the two ends may be left over.
    """
    for user in {GIT_USER, login, b""}:
        yield b2a_base64(user + b":" + secret, newline=False)
    for whole in (secret, secret + b":"):
        yield b2a_base64(whole, newline=False)
    for before in range(3):
        bits = 8 * (before + len(secret))
        inner = b2a_base64(bytes(before) + secret, newline=False)[-(-8 * before // 6) : bits // 6]
        yield inner
        yield inner.translate(_URL_ALPHABET)
