"""sshd: unprivileged, as the workspace's user, public keys only."""

import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent import host_keys
from agent.addresses import find_asked, join_port
from agent.errors import Problem
from agent.logins import find_logins
from agent.plan import File, Resource
from agent.settings import Settings
from agent.system import Facts
from agent.values import BannerProbe, Service

NAME = "sshd"
CONFIG = "sshd_config"
NOT_SENT = frozenset({
    "USER", "LOGNAME", "SHELL", "MAIL", "TERM", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME",
})  # fmt: skip
"""What sshd and the login shell set by themselves."""
EVERY_IPV6 = "::"


KEY_EXCHANGES = {
    "modern": "-diffie-hellman-*,ecdh-*",
    "quantum-safe": "-diffie-hellman-*,ecdh-*,curve25519-*",
    "compatible": "-diffie-hellman-group14-*,diffie-hellman-group-exchange-*,*-sha1",
}
"""By DEV8_SSH_ALGORITHMS: those that are taken away from OpenSSH's own list."""

_CONFIG = """\
# Written by the agent: sshd_config(5) of OpenSSH 8.9 and later.
{listen}
{host_keys}
PidFile none
UsePAM no

PermitRootLogin no
PubkeyAuthentication yes
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
StrictModes {strict}
AuthorizedKeysFile {authorized_keys}
MaxAuthTries 6
LoginGraceTime 30

# Only what is weak is taken away: newer and stronger algorithms come with newer releases.
KexAlgorithms {key_exchanges}
MACs -hmac-sha1*,umac-64*,hmac-sha2-256,hmac-sha2-512,umac-128@openssh.com
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


def host_key_resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the host keys that sshd uses, where it is to run."""
    if isinstance(service(settings, facts), Service):
        yield from host_keys.resources(settings, facts)


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield sshd's configuration, and what outlives the container of its host keys."""
    logins = find_logins(settings, facts)
    keys = host_keys.find_paths(settings, facts)
    text = _CONFIG.format(
        listen=render_listen(settings.ssh.address, settings.ssh.port),
        strict="yes" if logins.strict else "no",
        key_exchanges=KEY_EXCHANGES[settings.ssh.algorithms],
        host_keys="\n".join(f"HostKey {quote(str(key))}" for key in keys),
        authorized_keys=" ".join(quote(name.replace("%", "%%")) for name in logins.files),
        set_env=render_set_env(facts.environ),
    )
    yield File(facts.runtime / CONFIG, os.fsencode(text), 0o600, adopt=True)
    yield from host_keys.keep(settings, facts)
    yield from logins.problems


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
    asked = find_asked(settings.ssh.address)
    return Service(
        name=NAME,
        argv=(str(program), "-D", "-e", "-f", str(facts.runtime / CONFIG)),
        probe=BannerProbe(settings.ssh.port, "SSH-2.0-", "SSH-2.0-probe", asked),
    )


def find_program(facts: Facts) -> Path | None:
    """Return sshd's absolute path, without which it does not start; users lack sbin on PATH."""
    usual = Path("/usr/sbin/sshd")
    return facts.which("sshd") or (usual if os.access(usual, os.X_OK) else None)


def render_listen(address: str, port: int) -> str:
    """Return where sshd listens. It takes :: for IPv6 alone; other servers, and we, do not."""
    both = ("0.0.0.0", EVERY_IPV6)  # noqa: S104 - asked for
    addresses = both if address == EVERY_IPV6 else (address,)
    return "\n".join(f"ListenAddress {join_port(each, port)}" for each in addresses)


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
