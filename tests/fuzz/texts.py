"""Texts that programs stumble over: each strategy mixes them with ordinary ones."""

import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

ODD = (
    "",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\x0b",
    "\x0c",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\udc80",
    "'",
    '"',
    "\\",
    "\\n",
    "%",
    "%%",
    "%(here)s",
    "${HOME}",
    "$(id)",
    "`id`",
    ";",
    "#",
    "//",
    "/*",
    "*/",
    "=",
    ",",
    ":",
    "|",
    "&",
    "{",
    "}",
    "[",
    "]",
    "@",
    "../",
    "/",
    "~",
    "-",
    "--",
    "true",
    "off",
    "0",
    "null",
    "[core]",
    "\n[x]\n\ty = z\n",
    "é",
    "字",
)

ANY = st.text(max_size=40)
BITS = st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=6)), max_size=8).map("".join)
TEXT = st.one_of(ANY, BITS)
"""Any text, halves of surrogate pairs included: such come from names and variables."""
UNICODE = TEXT.map(lambda text: text.encode(errors="ignore").decode())
"""A text as UTF-8 can hold it."""
NO_NUL = TEXT.map(lambda text: text.replace("\0", ""))
OS_TEXT = NO_NUL.map(lambda text: os.fsdecode(text.encode(errors="surrogatepass")))
"""A name of a file or a word of a command: any bytes, as Python reads them."""
VARIABLE = NO_NUL.map(lambda text: text.encode(errors="ignore").decode())
"""A value of the environment that is UTF-8."""
LINE = UNICODE.map(lambda text: "".join(text.split("\n")).replace("\0", ""))


def json_values(
    texts: st.SearchStrategy[str] = UNICODE, leaves: int = 12
) -> st.SearchStrategy[Any]:
    """Return values of JSON."""
    plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), texts)
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)
        ),
        max_leaves=leaves,
    )


def write(path: Path, content: bytes | str) -> Path:
    """Write a file, its folder made when missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
