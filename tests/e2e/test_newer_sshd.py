"""A newer OpenSSH than the images': whatever is called from an address, its users get in."""

import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, HARDENED, Container, Recipe, running
from tests.worlds.github_net import PROGRAMS, mount_programs

PATH = f"{PROGRAMS}/sshd-new/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CALLS = 40
"""More than the 15 seconds of penalty with which sshd 10 locks an address out."""
STRANGERS = 8


@pytest.fixture(scope="module")
def box(login: Login) -> Iterator[Container]:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", f"PATH={PATH}")
    with (
        mount_programs("sshd-new") as programs,
        running(Recipe(BASE, (*HARDENED, *programs, *options))) as box,
    ):
        box.wait_ready()
        yield box


def read_greeting(box: Container) -> bytes:
    with socket.create_connection(("127.0.0.1", box.ssh_port), timeout=120) as connection:
        return connection.makefile("rb").readline()


def test_health_checks_and_strangers_keep_nobody_out(
    box: Container, login: Login, tmp_path: Path
) -> None:
    assert b"OpenSSH_1" in read_greeting(box)
    for _ in range(CALLS):
        read_greeting(box)
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    for name in ["dev8"] * STRANGERS + ["root"] * STRANGERS:
        argv = ["ssh", *Login(other, "").options(), "-p", str(box.ssh_port), f"{name}@127.0.0.1"]
        refused = subprocess.run([*argv, "true"], check=False, capture_output=True, timeout=120)
        assert b"Permission denied" in refused.stderr
    assert login.run(box, "echo in") == "in\n"
    assert box.call("devcopilot", "health").returncode == 0


def test_a_crash_still_has_its_penalty(box: Container) -> None:
    config = "/dev/shm/devcopilot-1000/sshd_config"
    effective = box.execute(f"{PROGRAMS}/sshd-new/bin/sshd", "-G", "-f", config)
    penalties = re.search(r"(?im)^persourcepenalties (.*)$", effective)
    assert penalties
    found = dict(re.findall(r"([a-z-]+):(\d+)(?= )", penalties[1].split(" max:")[0] + " "))
    assert found.pop("crash") == "90"
    assert set(found.values()) == {"0"}
