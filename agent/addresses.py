"""IP addresses: as a word with a port, and where to ask a service that listens on one."""

from ipaddress import ip_address

LOOPBACK = "127.0.0.1"


def find_asked(listening: str) -> str:
    """Return the address at which this machine reaches who listens on that one."""
    return LOOPBACK if ip_address(listening).is_unspecified else listening


def join_port(address: str, port: int) -> str:
    """Return address and port as one word; those of IPv6 stand in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
