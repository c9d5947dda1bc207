"""The ssh libraries in other programs than ssh log in, run commands, copy files and reach ports."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import WORKSPACE_UID, Login, write_secret
from tests.worlds.containers import BASE, HARDENED, Container, Recipe, running
from tests.worlds.github_net import PROGRAMS

CLIENTS = Path(__file__).parent / "clients"
JAVA = f"{PROGRAMS}/jsch/java/bin/java"
JARS = ":".join(f"{PROGRAMS}/jsch/{name}" for name in ("jsch.jar", "jzlib.jar", ""))
NODE = (f"NODE_PATH={PROGRAMS}/emulate/node_modules", f"{PROGRAMS}/node/bin/node")
LIBRARIES = {
    "asyncssh": ("python", "/clients/with_asyncssh.py"),
    "jsch": (JAVA, "-cp", JARS, "WithJsch"),
    "paramiko": ("python", "/clients/with_paramiko.py"),
    "ssh2": ("env", *NODE, "/clients/with_ssh2.js"),
}
"""How a client runs that prints what a command says, a file, and what is behind a port."""
LIBSSH2 = ("curl", "--silent", "--show-error", "--insecure", "--key", "/keys/key",
           "--pubkey", "/keys/key.pub", "sftp://dev8@127.0.0.1:2222/etc/hostname")  # fmt: skip
"""Debian 12's and Ubuntu 22.04's: it knows no MAC that comes after the encryption."""


@pytest.fixture(scope="module")
def keys(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the usual key, and one of the kind and form that JSch reads."""
    folder = tmp_path_factory.mktemp("keys")
    folder.chmod(0o755)
    write_secret(folder / "key", login.private.read_text())
    (folder / "key.pub").write_text(login.public)
    make = ["ssh-keygen", "-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-f"]
    subprocess.run([*make, folder / "made"], check=True)
    write_secret(folder / "old-key", (folder / "made").read_text())
    return folder


@pytest.fixture(scope="module", params=["modern", "compatible"])
def kind(request: pytest.FixtureRequest) -> str:
    """DEV8_SSH_ALGORITHMS."""
    return str(request.param)


@pytest.fixture(scope="module")
def box(login: Login, keys: Path, kind: str) -> Iterator[Container]:
    public = f"{login.public}\n{(keys / 'made.pub').read_text()}"
    options = ("-e", f"SSH_PUBLIC_KEY={public}", "-e", f"DEV8_SSH_ALGORITHMS={kind}")
    with running(Recipe(BASE, (*HARDENED, *options))) as container:
        container.wait_ready()
        yield container


def call(box: Container, keys: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a client on the workspace's own loopback."""
    options = ("--user", f"{WORKSPACE_UID}", "-v", f"{keys}:/keys:ro",
               "-v", f"{CLIENTS}:/clients:ro")  # fmt: skip
    return box.run_beside(*words, options=options)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_does_all_it_can(box: Container, keys: Path, kind: str, name: str) -> None:
    done = call(box, keys, *LIBRARIES[name])
    if (name, kind) == ("jsch", "modern"):
        # Of 2018: no curve but those of NIST. docs/decisions/ssh-algorithms.md
        assert "Algorithm negotiation fail" in done.stderr
        return
    hostname = box.execute("cat", "/etc/hostname").strip()
    assert done.stdout.splitlines() == ["in", hostname, "SSH-2.0"], done.stderr


def test_libssh2_copies_a_file(box: Container, keys: Path) -> None:
    done = call(box, keys, *LIBSSH2)
    assert done.stdout == f"{box.execute('cat', '/etc/hostname')}\n", done.stderr
