"""Parsers for URLs in variables: each raises ValueError with the expected format."""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from agent.machine.light.expressions import regex

_NAME = regex(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_USABLE = regex(r"https?://[!-~]+", re.IGNORECASE)
LONGEST = 200
"""Characters of a value that a message shows."""
_CREDENTIALS = regex(r"//[^/]*@")


def http_url(value: str) -> str:
    """Read an http or https URL of a server, without credentials, query and fragment."""
    _split(value)
    return value.rstrip("/")


def endpoint_url(value: str) -> str:
    """Read the whole http or https URL of one endpoint: nothing of it is changed."""
    _split(value.partition("?")[0])
    if not _USABLE.fullmatch(value) or "#" in value:
        raise ValueError("a URL such as https://example.com/activity, without user or password")
    return value


def private_url(value: str) -> str:
    """Read a URL that receives secrets: https, or http to this machine.

    Over http, everyone on the network path could read them.
    """
    _split(value)
    if is_in_clear(value):
        raise ValueError(
            "an https URL: it receives secrets, so plain http is allowed only for 127.0.0.1 "
            "and localhost"
        )
    return value.rstrip("/")


def hide_credentials(text: str) -> str:
    """Return a text without what stands before the @ of a URL in it."""
    return _CREDENTIALS.sub("//***@", text)


def show(value: str) -> str:
    """Return a value in quotes as a message shows it: cut, and without credentials."""
    shown = hide_credentials(repr(value))
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}…"


def is_in_clear(url: str) -> bool:
    """Tell whether others can read requests to a URL: it is http, and not to this machine."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine; the only name for it is localhost.

    https://datatracker.ietf.org/doc/html/rfc6761#section-6.3
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(value: str) -> SplitResult:
    """Return the parts of a URL. Raises ValueError if a part is missing or not allowed."""
    wrong = ValueError("a URL such as https://example.com, without user or password")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if not _USABLE.fullmatch(value) or "@" in value or "?" in value or "#" in value or port == 0:
        raise wrong
    if not (_NAME.fullmatch(host) or _is_ipv6(host)) or parts.netloc.endswith(":"):
        raise wrong
    return parts


def _is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False
