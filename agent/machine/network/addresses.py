"""IP addresses: as a word with a port, and where to ask a service that listens on one."""

from ipaddress import ip_address

LOOPBACK = "127.0.0.1"
FROM_OUTSIDE = "127.0.0.2"
"""This machine as well, as all of 127.0.0.0/8; but who listens on LOOPBACK alone is not there, as
it is not for anybody outside."""


def find_asked(listening: str) -> str:
    """Return the address at which this machine reaches who listens on that one."""
    return FROM_OUTSIDE if ip_address(listening).is_unspecified else listening


def join_port(address: str, port: int) -> str:
    """Return address and port as one word; those of IPv6 stand in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def is_address(host: str) -> bool:
    """Tell whether a host is written as an IP address."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
