"""A value of its own for each secret that the agent takes, and the list of where it may be.

The names come from the declarations of the settings: a secret that is added is here at once.
"""

import base64
import fnmatch
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.machine.light.secret_forms import find_base64_forms, find_text_forms
from agent.settings import argon2, compatibility, everything

LIST = Path(__file__).resolve().parents[2] / "docs/secrets-at-rest.md"
OWN = {
    "MY_API_KEY": "own-api-key-0f1e2d3c4b",
    "DATABASE_URL": "postgres://app:own-url-password-5a6b7c@db/app",
    "MY_SIGNING_KEY": "-----BEGIN KEY-----\nown-signing-key-7d8e9f0a\n-----END KEY-----",
}
"""Of the user's, under names that the agent does not know."""
SHAPED = {
    "AZURE_STORAGE_KEY": base64.b64encode(b"azure account key of this test!!" * 2).decode(),
    "AZURE_STORAGE_SAS_TOKEN": "sv=2024-11-04&ss=b&sig=c2lnbmF0dXJlIG9mIHRoaXMgdGVzdA%3D%3D",
    "CODE_SERVER_HASHED_PASSWORD": argon2.hash_password("the password of this hash"),
}
"""Secrets that have a form."""
EXCLUDED = {"CODE_SERVER_HASHED_PASSWORD": "CODE_SERVER_PASSWORD"}
"""Secrets that cannot be given together with another."""


@dataclass(frozen=True)
class Row:
    """A row of the list: what is allowed."""

    places: tuple[str, ...]
    """Patterns as of a shell; one of them is needed."""
    secret: str
    """As well a pattern."""

    def allows(self, place: str, name: str) -> bool:
        """Tell whether this secret may be there; after a blank a name says which value it is."""
        base = name.partition(" ")[0]
        there = any(fnmatch.fnmatchcase(place, pattern) for pattern in self.places)
        return there and fnmatch.fnmatchcase(base, self.secret)


@dataclass(frozen=True)
class Trace:
    """A secret that was found."""

    place: str
    name: str
    mode: str = ""
    """Of a file, in octal."""


@functools.cache
def make_values() -> dict[str, str]:
    """Return a value for each secret setting, none of which is part of another."""
    values = {}
    for number, (_, entry) in enumerate(everything.variables()):
        if not entry.secret:
            continue
        value = f"s{number:03d}-{base64.b32encode(entry.name.encode()).decode().strip('=').lower()}"
        values[entry.name] = SHAPED.get(entry.name) or (
            value if is_good(entry.parse, value) else ""
        )
        if "PRIVATE_KEY" in entry.name:
            values[entry.name] = make_key()
        assert values[entry.name], f"give {entry.name} a value here"
    return values


def make_withheld() -> dict[str, str]:
    """Return a value for each secret that the agent takes from everybody, and has no use for."""
    names = sorted(compatibility.SECRETS)
    return {name: f"w{number:03d}-{name.lower()}-0123" for number, name in enumerate(names)}


def make_key() -> str:
    """Return a private key that ssh and GitHub's Apps both take."""
    key = rsa.generate_private_key(65537, 2048)
    kind = PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(Encoding.PEM, kind, NoEncryption()).decode()


def is_good(parse: object, value: str) -> bool:
    assert callable(parse)
    try:
        return bool(parse(value) == value)
    except ValueError:
        return False


def find_forms(value: str) -> list[bytes]:
    """Return all the ways in which a secret may be written."""
    lines = value.strip().split("\n")
    if len(lines) > 2:  # of a key, a line of its middle
        return [lines[len(lines) // 2].encode()]
    plain = value.encode()
    in_hex = plain.hex().encode()
    return sorted({*find_text_forms(plain), *find_base64_forms(plain), in_hex, in_hex.upper()})


def find_all_forms(values: Mapping[str, str]) -> dict[str, list[bytes]]:
    """Return the forms of each value, by its name."""
    return {name: find_forms(value) for name, value in values.items()}


def find_in_text(text: bytes, forms: Mapping[str, Iterable[bytes]]) -> set[str]:
    """Return the names of the secrets that are in a text."""
    return {name for name, texts in forms.items() if any(form in text for form in texts)}


def read_list() -> list[Row]:
    """Return what docs/secrets-at-rest.md allows."""
    cells = re.findall(r"(?m)^\| (`[^|]+`) \| (`[^|]+`) \|", LIST.read_text())
    rows = ((re.findall(r"`([^`]+)`", cell) for cell in row) for row in cells)
    return [Row(tuple(places), name) for places, names in rows for name in names]


def find_unlisted(traces: Iterable[Trace]) -> list[tuple[str, str]]:
    """Return what is where the list does not allow it."""
    rows = read_list()
    return sorted({
        (each.place, each.name) for each in traces
        if not any(row.allows(each.place, each.name) for row in rows)
    })  # fmt: skip


def find_wide(traces: Iterable[Trace]) -> list[tuple[str, str]]:
    """Return the files with a secret that others may read."""
    return sorted({
        (each.place, each.mode) for each in traces if each.mode and int(each.mode, 8) & 0o077
    })  # fmt: skip


def find_stale(traces: Iterable[Trace]) -> list[Row]:
    """Return what the list allows and nothing needs."""
    seen = list(traces)
    return [row for row in read_list() if not any(row.allows(a.place, a.name) for a in seen)]
