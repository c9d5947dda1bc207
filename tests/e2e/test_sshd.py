"""sshd alone with the configuration that we render, for another user than dev8: real logins."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.system import Facts, System
from agent.services import host_keys, probes, sshd
from agent.services.service import BannerProbe, Service
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace import login_keys
from tests.worlds.containers import BASE, DOCKER, docker, find_free_port
from tests.worlds.option_lines import GOOD, REFUSED
from tests.worlds.waiting import DEADLINE, wait_until

UID = 4242
USER = "dev"
PYTHONS = ("\u2028", "\u2029", "\x85", "\v", "\f", "\x1c", "\x1d", "\x1e", "\r")
"""What ends a line for Python alone."""
ODD = "50%s \"double\" 'single'; # $HOME `id` \\ é"
SSHD = "/usr/sbin/sshd"
MOVED = "/dev/shm"
"""A home that is not that of /etc/passwd."""


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

    def call(
        self, program: str, *words: str, key: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        identity = str(key or self.home.parent / "key")
        options = ("-F", "none", "-i", identity, "-o", "IdentitiesOnly=yes",
                   "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
                   "-o", f"UserKnownHostsFile={self.home.parent / 'known'}")  # fmt: skip
        return subprocess.run([program, *options, *words], check=False, capture_output=True,
                              text=True, timeout=DEADLINE)  # fmt: skip

    def wait_for_log(self, words: str) -> None:
        wait_until(lambda: words in self.log.read_text(), f"a line with {words!r}")


def make_server(top: Path) -> Server:
    """Make the home of a user, apply what the service wants, hand it all to the user."""
    home = top / "home"
    facts = Facts(home, UID, top / "run", home / ".local/st ate",
                  {"PATH": "/opt/x/bin:/usr/bin:/bin", "ODD": ODD, "BROKEN": "a\nb",
                   "HOME": MOVED, "USER": "wrong", "EMPTY": "",
                   "SSH_AUTH_SOCK": "/wrong"})  # fmt: skip
    port = find_free_port()
    settings = Settings.from_environ({"DEV8_SSH_PORT": str(port), "SSH_PUBLIC_KEY": "given"})
    home.mkdir(parents=True)
    (facts.runtime / "ssh").mkdir(mode=0o700, parents=True)
    context = Context({}, settings, facts)
    for planner in (host_keys.resources, sshd.resources):
        planned = plan("sshd", planner(context), facts, Ledger())
        assert all("lack BROKEN:" in problem.message for problem in planned.problems)
        assert apply(planned, System(dict(os.environ)), Ledger()) == ()
    assert plan("sshd", sshd.resources(context), facts, Ledger()).actions == ()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", top / "key"], check=True)
    shutil.copy(top / "key.pub", facts.state / "ssh/authorized_keys")
    (top / "passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::{home}:/bin/bash\n"
    )
    for folder, _, files in os.walk(top):
        for name in (folder, *(f"{folder}/{file}" for file in files)):
            if not name.endswith(("/key", "/passwd")):
                os.chown(name, UID, UID)
    service = sshd.service(context)
    assert not isinstance(service, Service), "an unknown uid must not get one"
    made = Service("sshd", (SSHD, "-D", "-e", "-f", str(facts.runtime / sshd.CONFIG)),
                   probe=BannerProbe(port, "SSH-2.0-", "SSH-2.0-probe"))  # fmt: skip
    return Server(home, port, top / "log", made)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if os.geteuid() != 0:
        pytest.skip("only root can give the home to another user")
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        server = make_server(top)
        with serving(server):
            yield server


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """Run sshd in a container that knows the user and has the home where it is here."""
    name, top = f"dev8-test-{uuid.uuid4().hex[:8]}", server.home.parent
    options = (
        *("--name", name, "--user", f"{UID}:{UID}", "--entrypoint", SSHD),
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("-v", f"{top}:{top}", "-v", f"{top / 'passwd'}:/etc/passwd:ro"),
        *("-p", f"127.0.0.1:{server.port}:{server.port}"),
    )
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [DOCKER, "run", "--rm", *options, BASE, *server.service.argv[1:]],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # fmt: skip
    try:
        probe = server.service.probe
        assert probe
        wait_until(lambda: process.poll() is not None or not probes.check(probe, 1.0), "sshd")
        assert process.poll() is None, server.log.read_text()
        yield
    finally:
        with suppress(subprocess.CalledProcessError):  # it has ended by itself
            docker("stop", name)
        process.wait()


def test_a_session_has_the_clean_environment(server: Server) -> None:
    lines = server.ssh("env -0").split("\0")
    got = dict(line.split("=", 1) for line in lines if line)
    assert got["PATH"] == "/opt/x/bin:/usr/bin:/bin"
    assert got["ODD"] == ODD
    assert got["EMPTY"] == ""
    assert got["HOME"] == MOVED, "the agent's, where that of /etc/passwd is no use"
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


def test_a_key_in_the_comment_of_another_lets_nobody_in(server: Server, tmp_path: Path) -> None:
    """What the step makes of a list is read by sshd as by us: by its own rule for lines."""
    names = ("first", *(f"other{number}" for number in range(len(PYTHONS))))
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
    for name in names:
        subprocess.run([*argv, tmp_path / name], check=True)
    first, *others = ((tmp_path / f"{name}.pub").read_text().strip() for name in names)
    hidden = "".join(mark + key for mark, key in zip(PYTHONS, others, strict=True))
    lines = list(
        login_keys.read_keys("SSH_PUBLIC_KEY", f'restrict,command="echo in" {first} me{hidden}')
    )
    own = server.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    own.write_text("".join(f"{line}\n" for line in lines), newline="")
    for path in (own.parent, own):
        os.chown(path, UID, UID)
    where = ("-p", str(server.port), f"{USER}@127.0.0.1", "id")
    done, *refused = (server.call("ssh", *where, key=tmp_path / name) for name in names)
    assert done.stdout == "in\n", f"its options hold: {done.stderr}"
    for done in refused:
        assert "Permission denied" in done.stderr, done.stdout


def test_options_of_a_key_are_judged_as_sshd_does(server: Server, tmp_path: Path) -> None:
    """It passes over a line with a bad option in silence: the agent has to name it."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text()
    own = server.home / ".ssh/authorized_keys"
    own.parent.mkdir(mode=0o700, exist_ok=True)
    let_in = []
    for options in (*GOOD, *REFUSED):
        own.write_text(f"{options} {public}")
        for path in (own.parent, own):
            os.chown(path, UID, UID)
        done = server.call("ssh", "-p", str(server.port), f"{USER}@127.0.0.1", "true", key=key)
        assert done.returncode == 0 or "Permission denied" in done.stderr, done.stderr
        let_in += [options] * (done.returncode == 0)
    assert let_in == list(GOOD)


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
    argv = ["ssh-keyscan", "-T", "60", "-t", "ed25519", "-p", str(server.port), "127.0.0.1"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert kept in done.stdout


def test_log_tells_of_logins_and_not_of_probes(server: Server) -> None:
    server.ssh("true")
    server.wait_for_log(f"Accepted publickey for {USER}")
    assert server.service.probe
    server.ssh("true")
    before = server.log.read_text().count("\n")
    for _ in range(3):
        assert probes.check(server.service.probe, 60.0) is None
    server.ssh("true")  # a login later, what the probes left is there
    lines = server.log.read_text().splitlines()[before:]
    assert [line for line in lines if "publickey for dev" not in line] == []
