r"""Options of a line of authorized_keys: what sshd would refuse, with the whole line, in silence.

The format is that of sshd(8), AUTHORIZED_KEYS FILE FORMAT; its limits are those of auth-options.c
of OpenSSH 9.2: https://github.com/openssh/openssh-portable/blob/V_9_2/auth-options.c
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator
from datetime import datetime

from agent.machine.light.expressions import regex

_ITEM = regex(r'([A-Za-z0-9-]+)(?:="((?:\\"|[^"])*)")?(?:,|$)')
_SWITCHES = frozenset(
    """agent-forwarding port-forwarding pty touch-required user-rc verify-required
    x11-forwarding""".split()  # noqa: SIM905 - a line instead of seven
)
_FLAGS = _SWITCHES | {f"no-{name}" for name in _SWITCHES} | {"restrict", "cert-authority"}
_ONCE = ("command", "from", "principals")
_EXPIRY_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""By number of digits; without a zone in local time."""
_UTC = regex(r"(?i)(?:Z|UTC)$")
_NETWORK = regex(r"([^/]+)/([0-9]+)")
_LAST_TUNNEL = 2**31 - 3
_LONGEST_HOST = 1024


def find_option_fault(options: str) -> str | None:
    """Return why sshd refuses a line with these options, or None.

    The answer repeats the name of an option at most: a value may hold a secret.
    """
    seen = set()
    at = 0
    while at < len(options):
        match = _ITEM.match(options, at)
        if not match:
            return 'its options must have the form name or name="value"'
        name, value = match[1].lower(), match[2]
        if name not in _FLAGS and name not in _VALUES:
            return f"sshd has no option {match[1]}"
        if (value is None) != (name in _FLAGS):
            return (
                f"{name} takes no value" if name in _FLAGS else f'{name} needs a value: {name}="…"'
            )
        if name in _ONCE and name in seen:
            return f"{name} can be given only once"
        if name in _VALUES and (fault := _VALUES[name](value.replace('\\"', '"'))):
            return f"{name} {fault}"
        seen.add(name)
        at = match.end()
    return None


def find_option_doubt(options: str, now: datetime) -> str | None:
    """Return why nobody, or not everybody who is meant, can log in with a line that sshd takes.

    It completes "a key of NAME ". `now` is aware.
    """
    for name, value in _split(options):
        end = _parse_expiry(value) if name == "expiry-time" else None
        if end and end < now:
            return "has expired: its expiry-time is over, and it lets nobody in"
        if name == "from" and not all(map(_can_match, value.split(","))):
            return "lists names, blanks or patterns in from= that match no address"
    return None


def _split(options: str) -> Iterator[tuple[str, str]]:
    """Yield the options that have a value, of a text without a fault."""
    for match in _ITEM.finditer(options):
        if match[2] is not None:
            yield match[1].lower(), match[2].replace('\\"', '"')


# --- their values: each returns what completes "NAME ", or None -----------------------------------


def _accept(_value: str) -> None:
    """Find no fault: any text will do."""


def _judge_from(value: str) -> str | None:
    for entry in value.split(","):
        if not entry.removeprefix("!"):
            return "has an empty entry"
        if _is_crooked(entry.removeprefix("!")):
            return "has a network whose address does not fit its mask, such as 10.0.0.1/8"
    return None


def _is_crooked(entry: str) -> bool:
    """Tell whether an entry is a network for which sshd refuses the whole list."""
    network = _NETWORK.fullmatch(entry)
    try:
        ipaddress.ip_address(network[1] if network else "")
    except ValueError:
        return False
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        return True
    return False


def _can_match(entry: str) -> bool:
    """Tell whether an entry of from= can match: sshd looks up no names here (UseDNS no)."""
    if entry.startswith("!"):
        return True
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        return re.fullmatch(r"[0-9A-Fa-f.:*?%]+", entry) is not None
    return True


def _judge_environment(value: str) -> str | None:
    name, equals, _ = value.partition("=")
    if equals and re.fullmatch("[A-Za-z0-9_]+", name):
        return None
    return 'must have the form environment="NAME=value"'


def _judge_expiry(value: str) -> str | None:
    return None if _parse_expiry(value) else "must be a time such as 20301231 or 202612312359Z"


def _parse_expiry(value: str) -> datetime | None:
    digits = _UTC.sub("", value)
    layout = _EXPIRY_FORMATS.get(len(digits)) if digits.isdecimal() and digits.isascii() else None
    try:
        end = datetime.strptime(f"{digits}+0000", f"{layout}%z") if layout else None
    except ValueError:
        return None
    return end if end is None or digits != value else end.replace(tzinfo=None).astimezone()


def _judge_permission(value: str) -> str | None:
    """Judge an address for permitopen."""
    host, port = _split_address(value)
    if host is None or len(host) > _LONGEST_HOST:
        return "must have the form HOST:PORT; write an IPv6 address as [ADDRESS]:PORT"
    if port == "*" or _is_port(port):
        return None
    return "has no valid port: give 1 to 65535, or *"


def _judge_listening(value: str) -> str | None:
    return _judge_permission(value if ":" in value else f"*:{value}")


def _split_address(value: str) -> tuple[str | None, str]:
    """Return host and port as hpdelim2 of OpenSSH's misc.c finds them; no host: there is none."""
    match = re.match(r"(\[[^]]*\]|[^\[:/][^:/]*|)(?:[:/](.*))?$", value, re.DOTALL)
    return (match[1], match[2] or "") if match else (None, "")


def _is_port(text: str) -> bool:
    if re.fullmatch(r"\+?[0-9]{1,9}", text):
        return 0 < int(text) <= 65535
    try:
        socket.getservbyname(text, "tcp")
    except (OSError, ValueError):
        return False
    return True


def _judge_tunnel(value: str) -> str | None:
    if value.lower() == "any" or (value.isascii() and value.isdecimal()
                                  and int(value[:11]) <= _LAST_TUNNEL):  # fmt: skip
        return None
    return "must be the number of a tunnel device, or any"


_VALUES: dict[str, Callable[[str], str | None]] = {
    "command": _accept,
    "environment": _judge_environment,
    "expiry-time": _judge_expiry,
    "from": _judge_from,
    "permitlisten": _judge_listening,
    "permitopen": _judge_permission,
    "principals": _accept,
    "tunnel": _judge_tunnel,
}
"""Options with a value -> what is wrong with one."""
