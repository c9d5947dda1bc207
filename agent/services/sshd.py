"""sshd: unprivileged, as the workspace's user, public keys only."""

import os
import pwd
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.escaping import quote
from agent.machine.network.addresses import find_asked, join_port
from agent.machine.planning.resources import File, Resource
from agent.machine.programs import steering
from agent.machine.system import Facts
from agent.services import host_keys
from agent.services.logins import find_logins
from agent.services.service import BannerProbe, LoginProbe, Service, ServiceKind
from agent.services.sessions import (
    FISH_SCRIPT,
    SCRIPT,
    check_environment,
    render_fish_script,
    render_script,
    render_set_env,
)
from agent.settings.context import Context
from agent.settings.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import CompletedProcess

NAME = "sshd"
CONFIG = "sshd_config"
EVERY_IPV6 = "::"
PROBE_KEY = "probe_key"
"""In the runtime folder; made by the first probe."""
NO_WAIT = "no"
WAIT = "wait"
"""In the folder of ssh: there if interactive logins wait; the image's session.sh looks."""
BUSY = ("Exceeded MaxStartups", "Not allowed at this time")
"""How sshd turns callers away: when it has too many, and those that it has grown tired of."""


KEY_EXCHANGES = {
    "modern": "-diffie-hellman-*,ecdh-*",
    "quantum-safe": "-diffie-hellman-*,ecdh-*,curve25519-*",
    "compatible": "-diffie-hellman-group14-*,diffie-hellman-group-exchange-*,*-sha1",
}
"""By DEV8_SSH_ALGORITHMS: those that are taken away from OpenSSH's own list."""
_WEAK_MACS = "-hmac-sha1*,umac-64*,umac-128@openssh.com"
MACS = {
    "modern": _WEAK_MACS,
    "quantum-safe": f"{_WEAK_MACS},hmac-sha2-256,hmac-sha2-512",
    "compatible": _WEAK_MACS,
}
"""As above. libssh2 before 1.11, which is curl's sftp:// in Debian 12 and Ubuntu 22.04, knows no
MAC that authenticates what was encrypted, and no cipher that does without one."""

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
# An agent offers each of its keys, and there is no password to guess.
MaxAuthTries 100
# Who connects and does not log in soon makes room for others, and cannot take all of it.
LoginGraceTime 15
MaxStartups 150:30:300
PerSourceMaxStartups 100
{penalties}
# Editors and their extensions open a channel for each terminal, task and file transfer.
MaxSessions 100

# Only what is weak is taken away: newer and stronger algorithms come with newer releases.
KexAlgorithms {key_exchanges}
MACs {macs}
Ciphers -*cbc*

Subsystem sftp internal-sftp
AllowAgentForwarding yes
AllowTcpForwarding yes
AllowStreamLocalForwarding {sockets}
# A socket that a former session left behind is in the way of the next one.
StreamLocalBindUnlink yes
X11Forwarding no
PrintMotd no
PrintLastLog no
ClientAliveInterval 60
# Not LANG and LC_*: programs warn of every locale of the client's that is not installed here.
AcceptEnv COLORTERM NO_COLOR
{set_env}
# Logins, refusals and faults; not the line that each health probe would make at INFO.
LogLevel ERROR
LogVerbose *:auth_log():*
"""


def host_key_resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the host keys that sshd uses, where it is to run."""
    if isinstance(SERVICE.find(context), Service):
        yield from host_keys.resources(context)


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield sshd's configuration, and what outlives the container of its host keys."""
    settings, facts = context.settings, context.facts
    logins = find_logins(settings, facts)
    keys = host_keys.find_paths(settings, facts)
    text = _CONFIG.format(
        listen=render_listen(settings.ssh.address, settings.ssh.port),
        strict="yes" if logins.strict else "no",
        sockets="yes" if logins.sockets else "no",
        key_exchanges=KEY_EXCHANGES[settings.ssh.algorithms],
        macs=MACS[settings.ssh.algorithms],
        penalties=render_penalties(context.once(ask_defaults)().stdout.decode(errors="replace")),
        host_keys="\n".join(f"HostKey {quote(str(key))}" for key in keys),
        authorized_keys=" ".join(quote(name.replace("%", "%%")) for name in logins.files),
        set_env=render_set_env(facts.user_environ),
    )
    yield File(facts.runtime / CONFIG, os.fsencode(text), 0o600, adopt=True)
    for name, render in ((SCRIPT, render_script), (FISH_SCRIPT, render_fish_script)):
        if script := render(facts.user_environ):
            yield File(facts.runtime / runtime.SSH / name, script, 0o600, adopt=True)
    if settings.ssh.wait != NO_WAIT:
        path, word = facts.runtime / runtime.SSH / WAIT, settings.ssh.wait.encode()
        yield File(path, word, 0o600, adopt=True)
    yield from host_keys.keep(context)
    yield from check_environment(facts.user_environ)
    yield from logins.problems


def service(context: Context) -> Service | Problem | None:
    """Return how to run it; None when it is switched off or not in this image."""
    settings, facts = context.settings, context.facts
    if not settings.ssh.enabled:
        return None
    program = find_program(facts)
    if program is None:
        return None
    if facts.uid == 0:
        return Problem(
            "cannot run sshd as root: it runs only as the workspace's user",
            "start the container with --user 1000:1000",
        )
    try:
        pwd.getpwuid(facts.uid)
    except KeyError:
        return Problem(
            f"cannot run sshd: uid {facts.uid} is not in /etc/passwd",
            "start the container with --user 1000:1000",
        )
    config = facts.runtime / CONFIG
    greeting = (
        settings.ssh.port, "SSH-2.0-", "SSH-2.0-probe", find_asked(settings.ssh.address), BUSY
    )  # fmt: skip
    client, key = facts.which("ssh"), facts.runtime / PROBE_KEY
    login = make_login(client, program, config, key) if client else ()
    return Service(
        name=NAME,
        argv=(str(program), "-D", "-e", "-f", str(config)),
        probe=LoginProbe(*greeting, login, str(key)) if login else BannerProbe(*greeting),
        without=tuple(steering.SSHD.choose(facts.environ)),
        own_secrets=False,  # its sessions get them, by its configuration
    )


def make_login(client: Path, server: Path, config: Path, key: Path) -> tuple[str, ...]:
    """Return the command that logs in as a user does, and out again.

    It talks to an sshd of its own, which has the same configuration and takes no key but `key`: so
    that key opens nothing to anybody, no flood of connections is in the way, and the log has no
    line of it. The session is sftp, since a shell would run what is in the user's ~/.bashrc.
    """
    serve = (
        *(str(server), "-i", "-f", str(config), "-E", "/proc/self/fd/2"),
        *("-o", "LogVerbose=none", "-o", "StrictModes=no", "-o", "ForceCommand=internal-sftp -R"),
        *("-o", f"AuthorizedKeysFile={quote(f'{key}.pub'.replace('%', '%%'))}"),
    )
    options = (
        "BatchMode=yes", "IdentitiesOnly=yes", "LogLevel=ERROR", "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null",
        "KexAlgorithms=^curve25519-sha256",  # which costs a tenth of the default
        f"ProxyCommand={shlex.join(serve).replace('%', '%%')}",
    )  # fmt: skip
    words = [word for option in options for word in ("-o", option)]
    return (str(client), "-F", "none", "-i", str(key), *words, "-s", "workspace", "sftp")


def find_program(facts: Facts) -> Path | None:
    """Return sshd's absolute path, without which it does not start; users lack sbin on PATH."""
    usual = Path("/usr/sbin/sshd")
    return facts.which("sshd") or (usual if os.access(usual, os.X_OK) else None)


def begin(context: Context) -> None:
    """Start to make missing host keys, and to ask sshd, where it is to run."""
    if isinstance(SERVICE.find(context), Service):
        host_keys.begin(context)
        context.once(ask_defaults)


def ask_defaults(context: Context) -> Callable[[], "CompletedProcess[bytes]"]:
    """Start sshd to print its defaults, which no file changes; return what waits for them."""
    program = find_program(context.facts) or NAME
    return context.facts.start((str(program), "-G", "-f", os.devnull))


def render_penalties(said: str) -> str:
    """Return the line that lifts every penalty in these defaults, except the one for a crash.

    OpenSSH has penalties since 9.8 and may get more, so it is asked; older ones refuse the option.
    They lock out an address, which is that of all users behind docker's proxy, a NAT or a load
    balancer, for what a health check or an agent with a few keys does there.
    """
    known = re.search(r"(?im)^PerSourcePenalties (.*)$", said)
    names = re.findall(r"(\S+):\d", known[1]) if known else []
    lifted = [f"{name}:0" for name in names if not re.match("crash$|max|min", name)]
    return f"PerSourcePenalties {' '.join(lifted)}" if lifted else ""


def render_listen(address: str, port: int) -> str:
    """Return where sshd listens. It takes :: for IPv6 alone; other servers, and we, do not."""
    both = ("0.0.0.0", EVERY_IPV6)  # noqa: S104 - asked for
    addresses = both if address == EVERY_IPV6 else (address,)
    return "\n".join(f"ListenAddress {join_port(each, port)}" for each in addresses)


STEP = Step("host-keys", host_key_resources)

SERVICE = ServiceKind("sshd", resources, service, begin)
