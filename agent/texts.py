"""How the texts of variables are read: each reader raises ValueError with what it should be."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SWITCH = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def text(value: str) -> str:
    """Read any text."""
    return value


def absolute_path(value: str) -> Path:
    """Read an absolute path."""
    if not value.startswith("/") or _CONTROL.search(value):
        raise ValueError("an absolute path, such as /workspace")
    return Path(value)


def port(value: str) -> int:
    """Read a TCP port that an unprivileged process can listen on."""
    if not re.fullmatch(r"[0-9]{4,5}", value) or not 1024 <= int(value) <= 65535:
        raise ValueError("a port number from 1024 to 65535")
    return int(value)


def address(value: str) -> str:
    """Read an IP address of the machine, in its usual form."""
    try:
        return str(ip_address(value))
    except ValueError:
        raise ValueError("an IP address, such as 127.0.0.1, 0.0.0.0 or ::") from None


def duration(value: str) -> float:
    """Read a duration as Go writes it (30s, 1h30m), or a bare number of seconds; in seconds."""
    if re.fullmatch(_NUMBER, value):
        return float(value)
    parts = re.findall(rf"({_NUMBER})(ms|s|m|h)", value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError("a duration, such as 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def positive_duration(value: str) -> float:
    """Read a duration above zero."""
    seconds = duration(value)
    if seconds <= 0:
        raise ValueError("a duration above zero, such as 30s or 5m")
    return seconds


def switch(value: str) -> bool:
    """Read true or false."""
    if value.lower() not in _SWITCH:
        raise ValueError("true or false")
    return _SWITCH[value.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of these words."""

    def read(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(" or ".join(choices))
        return value.lower()

    return read


def single_line(value: str) -> str:
    """Read a text without line breaks or other control characters."""
    if _CONTROL.search(value):
        raise ValueError("one line of text")
    return value


def host_name(value: str) -> str:
    """Read the bare name of a host."""
    if not re.fullmatch(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
        raise ValueError("a bare host name without scheme, port or path, such as github.com")
    return value.lower()


def http_url(value: str) -> str:
    """Read an http or https URL without credentials."""
    if not re.fullmatch(r"https?://[^\s/@?#]+(/[^\s@?#]*)?", value):
        raise ValueError("a URL such as https://api.github.com, without user or password")
    return value.rstrip("/")
