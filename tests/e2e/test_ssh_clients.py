"""Clients that do nothing wrong get in: with their algorithms, keys, sockets, locales, numbers."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, HARDENED, Container, Recipe, running
from tests.worlds.fish import run_fish
from tests.worlds.waiting import DEADLINE, wait_until

LOGINS = 40
CHANNELS = 15
PEM = "-----BEGIN KEY-----\nline\n-----END KEY-----"


@pytest.fixture(scope="module")
def box(login: Login) -> Iterator[Container]:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", f"APP_KEY={PEM}")
    with running(Recipe(BASE, (*HARDENED, *options))) as container:
        container.wait_ready()
        yield container


def start(box: Container, login: Login, *words: str) -> "subprocess.Popen[str]":
    argv = ["ssh", *login.options(), *words[:-1], "-p", str(box.ssh_port), "dev8@127.0.0.1"]
    return subprocess.Popen([*argv, words[-1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)  # fmt: skip


def call(box: Container, login: Login, *words: str) -> tuple[str, str]:
    """Return what a command printed, and what was complained of."""
    return start(box, login, *words).communicate(timeout=DEADLINE)


@contextmanager
def an_agent(folder: Path) -> Iterator[dict[str, str]]:
    """Yield an environment with an agent of its own."""
    socket = folder / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket.exists, "the agent")
        yield {**os.environ, "SSH_AUTH_SOCK": str(socket)}
    finally:
        agent.terminate()
        agent.wait()


@pytest.mark.parametrize("mac", ["hmac-sha2-256", "hmac-sha2-512"])
def test_older_macs_are_taken_and_newer_ones_stay(box: Container, login: Login, mac: str) -> None:
    for name in (mac, f"{mac}-etm@openssh.com"):
        options = ("-o", "Ciphers=aes256-ctr", "-o", f"MACs={name}")
        assert call(box, login, *options, "echo in") == ("in\n", "")


def test_an_agent_may_hold_many_keys(box: Container, login: Login, tmp_path: Path) -> None:
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
    others = [tmp_path / f"key{number}" for number in range(30)]
    for other in others:
        subprocess.run([*make, other], check=True)
    with an_agent(tmp_path) as environ:
        subprocess.run(["ssh-add", "-q", *others, login.private], env=environ, check=True)
        argv = ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
                "-o", "UserKnownHostsFile=/dev/null", "-p", str(box.ssh_port), "dev8@127.0.0.1",
                "echo in"]  # fmt: skip
        done = subprocess.run(argv, env=environ, check=False, capture_output=True, text=True,
                              timeout=DEADLINE)  # fmt: skip
    assert done.stdout == "in\n", done.stderr


def test_a_socket_is_forwarded_a_second_time(box: Container, login: Login) -> None:
    options = ("-o", "ExitOnForwardFailure=yes", "-R", "/dev/shm/forwarded:127.0.0.1:9")
    for _ in range(2):
        assert call(box, login, *options, "echo in") == ("in\n", "")
        assert box.execute("ls", "/dev/shm/forwarded"), "sshd leaves it behind"


@pytest.mark.parametrize(
    ("name", "value"),
    [("LC_ALL", "en_US.UTF-8"), ("LC_CTYPE", "UTF-8"), ("LANG", "de_DE.ISO-8859-1")],
)
def test_the_clients_locale_makes_no_warnings(
    box: Container, login: Login, name: str, value: str
) -> None:
    """macOS sends LC_CTYPE=UTF-8, Debian's ssh LANG and LC_*."""
    command = "bash -lc 'perl -e 1; locale charmap; bash -c :'"
    assert call(box, login, "-o", f"SetEnv={name}={value}", command) == ("UTF-8\n", "")


def test_what_a_terminal_says_of_its_colours_is_taken(box: Container, login: Login) -> None:
    words = ("-o", "SetEnv=COLORTERM=truecolor", "echo $COLORTERM")
    assert call(box, login, *words) == ("truecolor\n", "")


def test_many_log_in_at_once(box: Container, login: Login) -> None:
    with ThreadPoolExecutor(LOGINS) as pool:
        done = list(pool.map(lambda _: call(box, login, "echo in"), range(LOGINS)))
    assert [pair for pair in done if pair != ("in\n", "")] == []


def test_a_connection_has_many_channels(box: Container, login: Login, tmp_path: Path) -> None:
    path = tmp_path / "control"
    shared = ("-o", f"ControlPath={path}")
    master = start(box, login, *shared, "-M", "cat")
    try:
        wait_until(path.exists, "the connection")
        channels = [start(box, login, *shared, "echo in; cat") for _ in range(CHANNELS)]
        lines = [channel.stdout.readline() for channel in channels if channel.stdout]
        rest = [channel.communicate(timeout=DEADLINE) for channel in channels]
        assert lines == ["in\n"] * CHANNELS, rest
        assert rest == [("", "")] * CHANNELS
    finally:
        master.communicate(timeout=DEADLINE)


def test_a_value_with_line_breaks_arrives_in_fish(box: Container, tmp_path: Path) -> None:
    script = 'set -q APP_KEY; and printf %s "$APP_KEY"; or printf none'
    assert run_fish(box, tmp_path, script, "-e", "SSH_CONNECTION=a b") == PEM
    assert run_fish(box, tmp_path, script) == "none", "only over ssh"
    mine = ("-e", "SSH_CONNECTION=a b", "-e", "APP_KEY=mine")
    assert run_fish(box, tmp_path, script, *mine) == "mine", "a shell in a shell"


def test_a_value_with_line_breaks_arrives_in_bash(box: Container, login: Login) -> None:
    """And nothing comes before what a program says: scp and rsync would take it for their own."""
    for command in ('printf %s "$APP_KEY"', """bash -lc 'printf %s "$APP_KEY"'"""):
        assert call(box, login, command) == (PEM, "")
    path = "/dev/shm/devcopilot-1000/ssh/session.sh"
    assert box.execute("stat", "-c", "%a %U", path) == "600 dev8"
    lines = [
        event for event in box.events() if "get APP_KEY only in bash and fish" in event["message"]
    ]
    assert [event["level"] for event in lines] == ["info"]
