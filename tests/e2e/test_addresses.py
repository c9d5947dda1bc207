"""The services listen where they are asked to and nowhere else; the probes ask them there."""

import pytest

from tests.worlds.containers import MVP, Container, Recipe, answers_http, answers_ssh, running

WITH_IPV6 = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=0")
PAGE = ("127.0.0.1", 8079)
"""The workspace page, wherever the services are."""
LISTENING = """
import psutil
for one in psutil.net_connections("tcp"):
    if one.status == psutil.CONN_LISTEN:
        print(one.laddr.ip, one.laddr.port)
"""


def run_at(address: str) -> Recipe:
    """Return how to run the image with both services at this address."""
    variables = ("DEV8_SSH_ADDRESS", "DEV8_CODE_SERVER_ADDRESS")
    options = [word for name in variables for word in ("-e", f"{name}={address}")]
    return Recipe(MVP, (*WITH_IPV6, *options))


def find_listening(box: Container) -> set[tuple[str, int]]:
    """Return (address, port) of all that listens in the container."""
    rows = box.execute("/opt/devcopilot/bin/python", "-c", LISTENING).splitlines()
    return {(row.split()[0], int(row.split()[1])) for row in rows}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_on_loopback_nobody_outside_is_answered(address: str) -> None:
    with running(run_at(address)) as box:
        box.wait_ready()
        assert find_listening(box) == {(address, 8080), (address, 2222), PAGE}
        assert not answers_http(box.ide_port)
        assert not answers_ssh(box.ssh_port)


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_everywhere_all_are_answered(address: str) -> None:
    with running(run_at(address)) as box:
        box.wait_ready()
        assert answers_http(box.ide_port)
        assert answers_ssh(box.ssh_port)
        expected = {(address, 8080), (address, 2222), PAGE} | {("0.0.0.0", 2222)}
        assert find_listening(box) == expected


def test_a_service_that_hangs_at_its_address_is_seen() -> None:
    """Somebody else who answers at another address must not count for it."""
    with running(run_at("::1")) as box:
        box.wait_ready()
        (pid,) = [row["pid"] for row in box.status()["services"] if row["name"] == "sshd"]
        box.execute("kill", "-STOP", str(pid))
        done = box.call("devcopilot", "health")
        assert done.returncode == 1
        assert "sshd" in done.stdout
        box.execute("kill", "-CONT", str(pid))
