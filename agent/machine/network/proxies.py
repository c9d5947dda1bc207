"""Which proxy a request goes through, by the variables that nearly all programs read alike."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from agent.machine.values import frozen


@frozen
class Proxy:
    """A proxy."""

    url: str = field(repr=False)
    """As the variable has it; it may hold a password."""
    variable: str

    @property
    def host(self) -> str:
        """Return its name or address."""
        return self._parts.hostname or ""

    @property
    def port(self) -> int:
        """Return its port. Raises ValueError for what is none."""
        return self._parts.port or (443 if self.scheme == "https" else 80)

    @property
    def scheme(self) -> str:
        """Return how it is spoken to: http, as nearly always; https; socks5."""
        return self._parts.scheme.lower()

    @property
    def login(self) -> str:
        """Return USER:PASSWORD, or nothing."""
        if self._parts.username is None:
            return ""
        return f"{unquote(self._parts.username)}:{unquote(self._parts.password or '')}"

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url if "://" in self.url else f"http://{self.url}")


def find_proxy(scheme: str, host: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a host, or None for a direct connection; small letters win."""
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
        if url := environ.get(name):
            return None if is_excepted(host, environ) else Proxy(url, name)
    return None


def is_excepted(host: str, environ: Mapping[str, str]) -> bool:
    """Tell whether NO_PROXY names the host, or it is this machine."""
    if host == "localhost":
        return True
    given = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    entries = [word for entry in given.split(",") if (word := entry.strip().lower())]
    with suppress(ValueError):
        address = ip_address(host)
        return address.is_loopback or any(_holds(entry, host) for entry in entries)
    name = host.lower().rstrip(".")
    names = [entry.lstrip("*").lstrip(".") for entry in entries]
    return "*" in entries or any(
        name == each or name.endswith(f".{each}") for each in names if each
    )


def _holds(entry: str, address: str) -> bool:
    if entry == "*":
        return True
    with suppress(ValueError):
        return ip_address(address) in ip_network(entry, strict=False)
    return False
