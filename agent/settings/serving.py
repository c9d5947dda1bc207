"""What tells programs and people of the workspace over HTTP. To add a variable, add a field.

Init listens at these addresses and starts what answers; nothing of it is resident.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import combinations

from agent.machine.errors import Problem
from agent.machine.light import texts
from agent.machine.network import addresses
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.parsers import port
from agent.settings.variable import secret, variable

OFF = 0


@frozen
class Address:
    """An IP address with a port."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Tell whether only this machine reaches it."""
        return ip_address(self.host).is_loopback

    def meets(self, other: "Address") -> bool:
        """Tell whether only one can listen, here or there."""
        return self.port == other.port and (self._takes(other) or other._takes(self))

    def _takes(self, other: "Address") -> bool:
        """Tell whether this host is the other, or all of its kind; :: takes IPv4's as well."""
        own, its = ip_address(self.host), ip_address(other.host)
        return own == its or (own.is_unspecified and own.version >= its.version)

    def __str__(self) -> str:
        return addresses.join_port(self.host, self.port)


def read_address(value: str) -> Address:
    """Read IP:PORT, or a port of loopback."""
    host, _, number = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        if ":" in bare and bare == host:
            raise ValueError(host)
        return Address(str(ip_address(bare or addresses.LOOPBACK)), port(number))
    except ValueError:
        raise ValueError(
            "an address, such as 9100, 127.0.0.1:9100, 0.0.0.0:9100 or [::]:9100"
        ) from None


def port_or_off(value: str) -> int:
    """Read a port; 0 is none."""
    if value == str(OFF):
        return OFF
    try:
        return port(value)
    except ValueError as error:
        raise ValueError(f"{error}, or 0") from None


@frozen
class Serving:
    """Page, metrics and local API."""

    page_port: int = variable(
        "DEV8_PAGE_PORT",
        port_or_off,
        "Port of the workspace page, on 127.0.0.1 only: the editor shows it at /proxy/PORT/, "
        "behind its login. 0: no page.",
        default="8079",
    )
    metrics_address: Address | None = variable(
        "DEV8_METRICS_ADDRESS",
        read_address,
        "Where Prometheus gets /metrics: a port (then on 127.0.0.1 only), or an address such as "
        "0.0.0.0:9100, which needs DEV8_METRICS_PASSWORD. By default nowhere.",
    )
    metrics_password: SecretInput | None = secret(
        "DEV8_METRICS_PASSWORD",
        texts.password,
        "Password for /metrics, with any user name, or as a bearer token.",
    )
    ready_address: Address | None = variable(
        "DEV8_READY_ADDRESS",
        read_address,
        "Where readiness probes connect, such as 0.0.0.0:8078 for tcpSocket in Kubernetes: "
        "connections succeed as long as the workspace is ready and every essential service runs. "
        "By default nowhere.",
    )
    api_port: int | None = variable(
        "DEV8_API_PORT",
        port_or_off,
        "Port of the local API (/health, /status, /api/status), on 127.0.0.1 only; 0: no API. "
        "By default 9000 while reports are sent.",
    )
    api_password: SecretInput | None = secret(
        "DEV8_API_PASSWORD",
        texts.password,
        "Password for the local API, with any user name, or as a bearer token. Without one it "
        "listens on this machine only.",
    )


def find_open_doors(address: Address | None, password: SecretInput | None) -> Iterator[Problem]:
    """Yield the problem of metrics that everybody could read."""
    if address and not address.is_loopback and not password:
        yield Problem(
            f"DEV8_METRICS_ADDRESS={address} is open to the network and has no password",
            f"set DEV8_METRICS_PASSWORD_FILE, or DEV8_METRICS_ADDRESS={address.port} for this "
            "machine only",
        )


def find_shared_ports(places: Iterable[tuple[str, Address]]) -> Iterator[Problem]:
    """Yield the problem of each two variables that ask for one place: one would not be there."""
    for (one, place), (other, another) in combinations(places, 2):
        if place.meets(another):
            yield Problem(f"{one} and {other} use the same port", "change one of them")
