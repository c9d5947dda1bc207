"""Probes: whether a service answers, asked on the same machine. Plain sockets import quickly."""

import contextlib
import errno
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from agent.machine.deadline import find_rest
from agent.machine.light import proc
from agent.machine.network import sockets
from agent.machine.network.addresses import FROM_OUTSIDE, LOOPBACK, join_port
from agent.machine.system import Facts
from agent.services import login_trial
from agent.services.service import (
    BannerProbe,
    CommandProbe,
    HttpProbe,
    LoginProbe,
    PortProbe,
    Probe,
    Service,
)
from agent.services.supervisord import RUNNING, STARTING, ServiceState

LONGEST_LINE = 1024
QUICK = 1.0
"""Seconds that a service has to answer somebody who only looks."""
OWN_SOURCE = "127.83.83.72"
"""All of 127.0.0.0/8 is this machine; forwarded ports come from 127.0.0.1."""


def check(
    probe: Probe,
    timeout: float,
    environment: Mapping[str, str] | None = None,
    *,
    thorough: bool = True,
) -> str | None:
    """Return None when the service answers within `timeout` seconds, else why it does not.

    `environment` is what a command gets; None: that of the caller. A check that is not `thorough`
    leaves out what takes long, such as a login.
    """
    if isinstance(probe, CommandProbe):
        return _check_command(probe, timeout, environment)
    deadline = time.monotonic() + timeout
    try:
        silent = _check_port(probe, deadline)
        if silent or not thorough or not isinstance(probe, LoginProbe):
            return silent
        return login_trial.check(probe.login, Path(probe.key), find_rest(deadline))
    except TimeoutError:
        return f"port {probe.port} does not answer within {timeout:g} s"
    except ConnectionRefusedError:
        inside = probe.host == FROM_OUTSIDE and _is_open(LOOPBACK, probe.port, deadline)
        alone = f"port {probe.port} is open only on {LOOPBACK}: it cannot be reached from outside"
        return alone if inside else f"nothing listens on port {probe.port}"
    except OSError as error:
        return f"port {probe.port}: {error.strerror or error}"


def _is_open(host: str, port: int, deadline: float) -> bool:
    try:
        _connect(host, port, deadline).close()
    except OSError:  # TimeoutError is one
        return False
    return True


def find_port_owner(port: int) -> str | None:
    """Return who listens on a TCP port, as "pid 12, node", or None when nobody does."""
    return find_port_owners().get(port)


def find_port_owners() -> dict[int, str]:
    """Return TCP port -> who listens on it, as "pid 12, node"."""
    open_ones = list(sockets.list_open())
    holders = sockets.find_holders({each.inode for each in open_ones})
    found: dict[int, str] = {}
    for each in open_ones:
        for pid in holders.get(each.inode, ())[:1]:
            with contextlib.suppress(OSError):
                found[each.port] = f"pid {pid}, {proc.read_name(f'/proc/{pid}')}"
        found.setdefault(each.port, "a process of another user")
    return found


def _check_port(probe: HttpProbe | BannerProbe | PortProbe, deadline: float) -> str | None:
    with _connect(probe.host, probe.port, deadline) as connection:
        match probe:
            case HttpProbe(port, path):
                connection.sendall(_make_request(probe))
                words = _read_line(connection, deadline).split()
                if len(words) < 2 or not words[0].startswith("HTTP/"):
                    return f"port {port} does not speak HTTP"
                expected = words[1] in map(str, probe.expected)
                return None if expected else f"port {port}{path} answers {words[1]}"
            case BannerProbe(port, prefix):
                line = _read_line(connection, deadline)
                if probe.busy and line.startswith(probe.busy):
                    return None
                if not line.startswith(prefix):
                    return f"port {port} does not greet with {prefix}"
                if probe.reply:
                    connection.sendall(f"{probe.reply}\r\n".encode())
                return None
            case PortProbe():
                return None


def _make_request(probe: HttpProbe) -> bytes:
    head = (
        f"{probe.method} {probe.path} HTTP/1.0",
        f"Host: {join_port(probe.host, probe.port)}",
        *((f"Accept: {probe.accept}",) if probe.accept else ()),
        *(() if probe.method == "GET" else ("Content-Length: 0",)),
    )
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """Return a connection, from an address that nobody else has: servers limit each source."""
    try:
        source = (OWN_SOURCE, 0) if host in (LOOPBACK, FROM_OUTSIDE) else None
        return socket.create_connection((host, port), find_rest(deadline), source)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return socket.create_connection((host, port), find_rest(deadline))


def _read_line(connection: socket.socket, deadline: float) -> str:
    """Return the first line; what comes of it, if the other side hangs up before its end."""
    data = b""
    while b"\n" not in data and len(data) < LONGEST_LINE:
        connection.settimeout(find_rest(deadline))
        received = connection.recv(LONGEST_LINE)
        if not received:
            break
        data += received
    return data.partition(b"\n")[0].decode("latin-1")


def _check_command(
    probe: CommandProbe, timeout: float, environment: Mapping[str, str] | None
) -> str | None:
    import subprocess  # noqa: PLC0415 - few probes are commands

    name = probe.argv[0]
    try:
        done = subprocess.run(
            probe.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=timeout, check=False, env=environment)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"{name} takes longer than {timeout:g} s"
    except OSError as error:
        return f"cannot run {name}: {error.strerror}"
    return None if done.returncode == 0 else f"{name} ends with {done.returncode}"


def find_state(service: Service, found: ServiceState, facts: Facts) -> str:
    """Return the state of a service; one that answers runs, however short its life is yet."""
    if found.state != STARTING or not service.probe:
        return found.state
    silent = check(service.probe, QUICK, facts.user_environ, thorough=False)
    return found.state if silent else RUNNING
