"""Fixtures of the end-to-end tests: an engine, the images, keys, secret files."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worlds.containers import HARDENED, WORKSPACE, Container, Recipe, running

WORKSPACE_UID = 1000
TOKEN = "ghp_endtoend00000000000000000000000000001"
NO_EDITOR = ("-e", "DEV8_CODE_SERVER=false")
"""For tests in which nobody opens the editor: its start takes most of the processor's time."""


@dataclass(frozen=True)
class Login:
    """A key pair with which a person logs in."""

    private: Path
    public: str

    def run(self, box: Container, *command: str, timeout: float = 120) -> str:
        """Run a command over ssh and return what it printed."""
        done = subprocess.run(
            ["ssh", *self.options(), "-p", str(box.ssh_port), "dev8@127.0.0.1", *command],
            check=True,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return done.stdout

    def options(self) -> tuple[str, ...]:
        """Return the options that ssh, scp and sftp share."""
        return (
            *("-i", str(self.private), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR"),
            # What comes first by default takes a client 50 ms of processor.
            *("-o", "KexAlgorithms=^curve25519-sha256"),
        )


@pytest.fixture(scope="session")
def login(tmp_path_factory: pytest.TempPathFactory) -> Login:
    """A fresh key pair."""
    return make_login(tmp_path_factory.mktemp("login"))


def make_login(folder: Path) -> Login:
    """Make a key pair in a folder."""
    private = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", private], check=True)
    return Login(private, private.with_suffix(".pub").read_text().strip())


def write_secret(path: Path, content: str) -> Path:
    """Write a secret file that only the workspace's user can read."""
    path.write_text(content)
    path.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(path, WORKSPACE_UID, WORKSPACE_UID)
    return path


@pytest.fixture(scope="module", params=["writable", "hardened"])
def hardening(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options of a plain container and of the strictest one."""
    return HARDENED if request.param == "hardened" else ()


@pytest.fixture(scope="module")
def box(
    hardening: tuple[str, ...], login: Login, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """A workspace with everything that a person gives it, ready."""
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o755)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", folder / "outgoing"], check=True
    )
    outgoing = write_secret(folder / "outgoing.key", (folder / "outgoing").read_text())
    token = write_secret(folder / "token", TOKEN + "\n")
    recipe = Recipe(
        WORKSPACE,
        (
            *hardening,
            *("-v", f"{token}:/run/secrets/token:ro", "-v", f"{outgoing}:/run/secrets/key:ro"),
            *("-e", "GITHUB_TOKEN_FILE=/run/secrets/token"),
            *("-e", "SSH_PRIVATE_KEY_FILE=/run/secrets/key"),
            *("-e", f"SSH_PUBLIC_KEY={login.public}"),
            *("-e", "GIT_USER_NAME=Octo Cat", "-e", "GIT_USER_EMAIL=octo@example.com"),
            *("-e", "ANTHROPIC_API_KEY=sk-ant-endtoend-0001", "-e", "GREETING=hello world"),
        ),
    )
    with running(recipe) as container:
        container.wait_ready()
        yield container
