"""Find the user's own secret variables, by name: they are not declared anywhere."""

import re
from collections.abc import Iterator, Mapping

from agent.machine.light.expressions import regex
from agent.machine.light.token_prefixes import GIT_HOSTS

_NAME = regex(
    r"[A-Z0-9_]*(?:(?:(?<!PUBLIC_)(?<!AUTHORIZED_)KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)S?"
    r"|PASSWD|PASSPHRASE|CONNECTION_STRING|_(?:PASS|PWD|PW|PAT|SAS|AUTH))",
    re.IGNORECASE,
)
"""NAME_FILE is a path, NAME_ID a name; PWD is a folder."""
_IN_URL = regex(r"[a-z][a-z0-9+.-]*://[^/?#\s:@]*:([^/?#\s@]+)@", re.IGNORECASE)
_PASSWORD = regex(r"(?<=[a-z0-9+.-]://)[^/?#\s:@]*:([^/?#\s@]+)(?=@)", re.IGNORECASE)
"""The same anywhere in a text. It begins behind the scheme: else each letter of a long word would
be tried as the begin of one, up to the word's end."""
_LOGIN = regex(rf"(?<=://)(?:[^/?#\s:@]*:[^/?#\s@]+|(?:{GIT_HOSTS})[^/?#\s@]*)(?=@)")
"""A password in a URL, or a token in the place of the user."""
_PROXY = regex(r"\w+_proxy", re.IGNORECASE)
"""The agent needs these, and git, gh and npm in its jobs, too."""


def is_secret(name: str, value: str) -> bool:
    """Tell whether this variable is a secret: by the end of its name, or a URL with a password."""
    if not name.isascii() or not name.isidentifier() or _PROXY.fullmatch(name):
        return False
    return bool(value and (_NAME.fullmatch(name) or _IN_URL.match(value)))


def hide_logins(text: str) -> str:
    """Return a text in which no URL has a password or a token."""
    return _LOGIN.sub("***", text)


def find_url_passwords(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the passwords in URLs, as written there."""
    for value in environ.values():
        yield from (found[1] for found in _PASSWORD.finditer(value))
