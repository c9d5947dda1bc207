"""sshd: unprivileged, as the workspace's user, public keys only."""

import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.errors import Problem
from agent.plan import File, Generated, Resource
from agent.settings import Settings
from agent.system import Facts
from agent.values import BannerProbe, Service

NAME = "sshd"
CONFIG = "sshd_config"
AUTHORIZED_KEYS = "ssh/authorized_keys"
"""The keys that the settings give, in the state folder; written by the ssh step."""
KEY_TYPES = ("ed25519", "ecdsa")
"""ecdsa for clients that must keep to FIPS 140; both are made in milliseconds, RSA is not."""
ROOM = 64 * 1024
"""Bytes that must be free where host keys are to be made."""
NOT_SENT = frozenset({
    "USER", "LOGNAME", "SHELL", "MAIL", "TERM", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME",
})  # fmt: skip
"""What sshd and the login shell set by themselves."""

_CONFIG = """\
# Written by the agent: sshd_config(5) of OpenSSH 8.9 and later.
Port {port}
{host_keys}
PidFile none
UsePAM no

PermitRootLogin no
PubkeyAuthentication yes
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
StrictModes yes
AuthorizedKeysFile .ssh/authorized_keys {authorized_keys}
MaxAuthTries 6
LoginGraceTime 30

# Only what is weak is taken away: newer and stronger algorithms come with newer releases.
KexAlgorithms -diffie-hellman-group14-*,diffie-hellman-group-exchange-*,*-sha1
MACs -hmac-sha1*,umac-64*
Ciphers -*cbc*

Subsystem sftp internal-sftp
AllowAgentForwarding yes
AllowTcpForwarding yes
X11Forwarding no
PrintMotd no
PrintLastLog no
ClientAliveInterval 60
AcceptEnv LANG LC_*
{set_env}
# Logins, refusals and faults; not the line that each health probe would make at INFO.
LogLevel ERROR
LogVerbose *:auth_log():*
"""


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield sshd's configuration and the host keys, made once per workspace."""
    folder = find_key_folder(facts)
    if folder != facts.state / "ssh":
        yield Problem(
            f"cannot keep ssh host keys in {facts.state}: it is not writable or full; "
            "after a restart ssh clients will warn of another host",
            "mount a writable volume with some free space there",
        )
    keys = [folder / f"ssh_host_{kind}_key" for kind in KEY_TYPES]
    for kind, key in zip(KEY_TYPES, keys, strict=True):
        argv = ("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "devcopilot", "-f")
        yield Generated(key, argv, private=True)
    text = _CONFIG.format(
        port=settings.ssh.port,
        host_keys="\n".join(f"HostKey {quote(str(key))}" for key in keys),
        authorized_keys=quote(str(facts.state / AUTHORIZED_KEYS).replace("%", "%%")),
        set_env=render_set_env(facts.environ),
    )
    yield File(facts.runtime / CONFIG, os.fsencode(text), 0o600, adopt=True)
    yield from check_logins(settings, facts)


def service(settings: Settings, facts: Facts) -> Service | Problem | None:
    """Return how to run it; None when it is switched off or not in this image."""
    if not settings.ssh.enabled:
        return None
    program = find_program(facts)
    if program is None:
        return None
    if facts.uid == 0:
        return Problem(
            "cannot run sshd: it runs as the workspace's user only, and this is root",
            "start the container with --user 1000:1000",
        )
    try:
        pwd.getpwuid(facts.uid)
    except KeyError:
        return Problem(
            f"cannot run sshd: uid {facts.uid} is not in /etc/passwd",
            "start the container with --user 1000:1000",
        )
    return Service(
        name=NAME,
        argv=(str(program), "-D", "-e", "-f", str(facts.runtime / CONFIG)),
        probe=BannerProbe(settings.ssh.port, "SSH-2.0-", reply="SSH-2.0-probe"),
    )


def find_program(facts: Facts) -> Path | None:
    """Return sshd's absolute path, without which it does not start; users lack sbin on PATH."""
    usual = Path("/usr/sbin/sshd")
    return facts.which("sshd") or (usual if os.access(usual, os.X_OK) else None)


def find_key_folder(facts: Facts) -> Path:
    """Return where the host keys are: the state folder if it has them or has room for them.

    sshd must run in a workspace whose disk is full; then its keys last as long as the container.
    """
    kept = facts.state / "ssh"
    try:
        if facts.mode(kept / f"ssh_host_{KEY_TYPES[-1]}_key") is not None:
            return kept
    except OSError:  # somewhere on the way we may not enter
        return facts.runtime / "ssh"
    return kept if facts.has_room(kept, ROOM) else facts.runtime / "ssh"


def check_logins(settings: Settings, facts: Facts) -> Iterator[Problem]:
    """Yield what will keep everybody from logging in."""
    own = facts.home / ".ssh/authorized_keys"
    given = settings.ssh.public_key or settings.ssh.authorized_keys_file
    if not given and facts.mode(own) is None:
        yield Problem("nobody can log in over ssh yet: there is no public key",
                      f"set SSH_PUBLIC_KEY, or add a key to {own}", level="info")  # fmt: skip
        return
    kept = facts.state / AUTHORIZED_KEYS
    for path in (facts.home, own.parent, own, facts.state, kept.parent, kept):
        mode = facts.mode(path)
        if mode is not None and mode & 0o022:
            yield Problem(
                f"sshd will refuse keys: others than its owner can write {path}",
                f"chmod go-w {path}",
            )


def render_set_env(environ: Mapping[str, str]) -> str:
    """Return the one SetEnv line: sshd heeds no second one. What it cannot express is left out."""
    words = [
        quote(f"{name}={value}")
        for name, value in sorted(environ.items())
        if name not in NOT_SENT and not name.startswith("SSH_")
        and re.fullmatch(r"[^\s=\"'\\#]+", name) and not re.search(r"[\r\n]", value)
    ]  # fmt: skip
    return f"SetEnv {' '.join(words)}\n" if words else ""


def quote(word: str) -> str:
    """Return a word as sshd_config takes it whatever it holds; it cannot hold a line break."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
