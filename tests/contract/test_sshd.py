"""The real sshd with the configuration that we render, unprivileged, and real logins."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent import probes
from agent.plan import BannerProbe, Ledger, Service, apply, plan
from agent.services import sshd
from agent.settings import Settings
from agent.system import Facts, System

UID = 4242
USER = "dev"
DEADLINE = 10.0
ODD = "50%s \"double\" 'single'; # $HOME `id` \\ é"
AS_USER = """set -e
mount --bind "$1" /etc/passwd
# The terminals as an engine mounts them: they belong to the group tty.
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
uid=$2
shift 2
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --bounding-set=-all -- "$@"
"""
SSHD = sshd.find_program(Facts(Path("/"), UID, UID, Path("/"), Path("/"), dict(os.environ)))


def require(condition: object, reason: str) -> None:
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@dataclass
class Server:
    """A home folder, and an sshd that serves it."""

    home: Path
    port: int
    log: Path
    service: Service

    def ssh(self, *command: str, options: tuple[str, ...] = ()) -> str:
        done = self.call("ssh", *options, "-p", str(self.port), f"{USER}@127.0.0.1", *command)
        assert done.returncode == 0, done.stderr + self.log.read_text()
        return done.stdout

    def call(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        options = ("-F", "none", "-i", str(self.home.parent / "key"), "-o", "IdentitiesOnly=yes",
                   "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                   "-o", f"UserKnownHostsFile={self.home.parent / 'known'}")  # fmt: skip
        return subprocess.run([program, *options, *words], check=False, capture_output=True,
                              text=True, timeout=DEADLINE)  # fmt: skip

    def wait_for_log(self, words: str) -> str:
        deadline = time.monotonic() + DEADLINE
        while words not in (text := self.log.read_text()):
            assert time.monotonic() < deadline, text
            time.sleep(0.01)
        return text


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_server(top: Path) -> Server:
    """Make the home of a user, apply what the service wants, hand it all to the user."""
    home = top / "home"
    facts = Facts(home, UID, UID, top / "run", home / ".local/st ate",
                  {"PATH": "/opt/x/bin:/usr/bin:/bin", "ODD": ODD, "BROKEN": "a\nb",
                   "HOME": "/wrong", "EMPTY": "", "SSH_AUTH_SOCK": "/wrong"})  # fmt: skip
    port = free_port()
    settings = Settings.from_environ({"DEV8_SSH_PORT": str(port), "SSH_PUBLIC_KEY": "given"})
    home.mkdir(parents=True)
    wanted = list(sshd.resources(settings, facts))
    planned = plan("sshd", wanted, facts, Ledger())
    assert planned.problems == ()
    assert apply(planned, System(dict(os.environ)), Ledger()) == ()
    assert plan("sshd", sshd.resources(settings, facts), facts, Ledger()).actions == ()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", top / "key"], check=True)
    shutil.copy(top / "key.pub", facts.state / "ssh/authorized_keys")
    (top / "passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::{home}:/bin/bash\n"
    )
    for folder, _, files in os.walk(top):
        for name in (folder, *(f"{folder}/{file}" for file in files)):
            if not name.endswith(("/key", "/passwd")):
                os.chown(name, UID, UID)
    service = sshd.service(settings, facts)
    assert not isinstance(service, Service), "an unknown uid must not get one"
    made = Service("sshd", (str(SSHD), "-D", "-e", "-f", str(facts.runtime / sshd.CONFIG)),
                   probe=BannerProbe(port, "SSH-2.0-", "SSH-2.0-probe"))  # fmt: skip
    return Server(home, port, top / "log", made)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    require(SSHD and shutil.which("ssh"), "no OpenSSH server here")
    require(os.geteuid() == 0, "only root can show a user who is not in /etc/passwd")
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        server = make_server(top)
        with server.log.open("wb") as log:
            process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", AS_USER, "sh",
                 str(top / "passwd"), str(UID), *server.service.argv],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # fmt: skip
        try:
            deadline = time.monotonic() + DEADLINE
            assert server.service.probe
            while why := probes.check(server.service.probe, 1.0):
                assert process.poll() is None, server.log.read_text()
                assert time.monotonic() < deadline, why
                time.sleep(0.01)
            yield server
        finally:
            process.terminate()
            process.wait()


def test_a_session_has_the_clean_environment(server: Server) -> None:
    lines = server.ssh("env -0").split("\0")
    got = dict(line.split("=", 1) for line in lines if line)
    assert got["PATH"] == "/opt/x/bin:/usr/bin:/bin"
    assert got["ODD"] == ODD
    assert got["EMPTY"] == ""
    assert got["HOME"] == str(server.home)
    assert got["USER"] == USER
    assert "BROKEN" not in got
    assert "SSH_AUTH_SOCK" not in got


def test_a_session_is_the_users_with_a_terminal(server: Server) -> None:
    assert server.ssh("id -u; umask").split() == [str(UID), "0022"]
    assert server.ssh("tty", options=("-tt",)).startswith("/dev/pts/")


@pytest.mark.parametrize("protocol", ["-s", "-O"])
def test_scp_and_sftp_carry_files(server: Server, protocol: str, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(100_000))
    there = f"{USER}@127.0.0.1:{server.home}/file"
    for pair in ((str(source), there), (there, str(back))):
        done = server.call("scp", protocol, "-q", "-P", str(server.port), *pair)
        assert done.returncode == 0, done.stderr
    assert back.read_bytes() == source.read_bytes()


def test_a_key_in_the_users_own_file_works(server: Server, tmp_path: Path) -> None:
    own = server.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    new = tmp_path / "own"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", new], check=True)
    shutil.copy(new.with_suffix(".pub"), own)
    for path in (own.parent, own):
        os.chown(path, UID, UID)
    assert server.ssh("echo in", options=("-i", str(new), "-o", "IdentityFile=none")) == "in\n"


@pytest.mark.parametrize("user", [USER, "root", "nobody"])
def test_nobody_gets_in_without_a_key(server: Server, user: str) -> None:
    done = subprocess.run(
        ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no",
         "-o", "UserKnownHostsFile=/dev/null",
         "-o", "PreferredAuthentications=password,keyboard-interactive,hostbased,none",
         "-o", "NumberOfPasswordPrompts=0", "-p", str(server.port), f"{user}@127.0.0.1", "true"],
        check=False, capture_output=True, text=True, timeout=DEADLINE)  # fmt: skip
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_root_does_not_get_in_with_the_key(server: Server) -> None:
    done = server.call("ssh", "-p", str(server.port), "root@127.0.0.1", "true")
    assert done.returncode == 255


def test_host_key_is_the_kept_one(server: Server) -> None:
    kept = (server.home / ".local/st ate/ssh/ssh_host_ed25519_key.pub").read_text().split()[1]
    done = subprocess.run(["ssh-keyscan", "-t", "ed25519", "-p", str(server.port), "127.0.0.1"],
                          check=True, capture_output=True, text=True)  # fmt: skip
    assert kept in done.stdout


def test_log_tells_of_logins_and_not_of_probes(server: Server) -> None:
    server.ssh("true")
    server.wait_for_log(f"Accepted publickey for {USER}")
    assert server.service.probe
    server.ssh("true")
    before = server.log.read_text().count("\n")
    for _ in range(3):
        assert probes.check(server.service.probe, 5.0) is None
    server.ssh("true")  # a login later, what the probes left is there
    lines = server.log.read_text().splitlines()[before:]
    assert [line for line in lines if "publickey for dev" not in line] == []
