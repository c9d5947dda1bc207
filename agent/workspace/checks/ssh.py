"""Whether ssh signs in to the hosts that the workspace reaches by ssh, and knows their keys."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.github.hosts import find_accounts
from agent.machine.formats.lines import split_lines
from agent.machine.light.expressions import regex
from agent.machine.network import ssh_host_key
from agent.machine.programs import external_commands
from agent.machine.programs.external_commands import TOO_LONG
from agent.machine.programs.git_failures import Cause, find_failure
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.workspace.checks import clones

PATIENCE = 20.0
OPTIONS = ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "ControlMaster=no")
USER = "git"
_WELCOME = regex(r"(?:Hi |Welcome to \S+, @|Hi there, )([\w.-]+(?:/[\w.-]+)?)!")
"""GitHub, GitLab, Gitea; GitHub greets with OWNER/NAME if the key is one repository's."""


@frozen
class Place:
    """Where ssh is to sign in."""

    host: str
    user: str = USER
    port: int | None = None

    @property
    def url(self) -> str:
        """Return it as an address."""
        return f"ssh://{self.user}@{self.host}" + (f":{self.port}" if self.port else "")


def look(context: Context) -> Iterator[Finding]:
    """Sign in to each host once."""
    for place in find_places(context):
        yield try_login(place, context)


def find_places(context: Context) -> list[Place]:
    """Return the GitHub hosts, if there is a key for them, and the hosts of remotes by ssh.

    Without a key git goes to GitHub over https whatever the address says.
    """
    hosts = [account.host for account in context.once(find_accounts).known]
    has_key = context.settings.ssh.private_key is not None
    found = [Place(host) for host in hosts if has_key]
    for remote in clones.find_remotes(context):
        place = read_place(remote.url)
        if place and (has_key or place.host not in hosts):
            found.append(place)
    return list(dict.fromkeys(found))


def read_place(url: str) -> Place | None:
    """Return where an address of ssh leads; None: it is none of ssh."""
    if "://" in url:
        parts = urlsplit(url)
        if parts.scheme not in ("ssh", "git+ssh") or not parts.hostname:
            return None
        return Place(parts.hostname, parts.username or USER, parts.port)
    host, _ = ssh_host_key.find_host(url)
    user = url.partition(":")[0].rpartition("@")[0]
    return Place(host, user or USER) if ":" in url and "/" not in url.partition(":")[0] else None


def try_login(place: Place, context: Context) -> Finding:
    """Sign in; return what came of it."""
    code, said = run_ssh(place, context.facts)
    host = place.host
    if welcome := _WELCOME.search(said):
        return Finding(Result.OK, f"{host} knows the ssh key as {welcome[1]}",
                       facts={"login": welcome[1]}, part=host)  # fmt: skip
    if code == 0:
        return Finding(Result.OK, f"{host} takes the ssh key", part=host)
    failure = find_failure(split_lines(said), code)
    if failure.cause is Cause.HOST_KEY:
        return Finding(Result.FAIL, *ssh_host_key.explain(place.url, failure.said, context.facts),
                       part=host)  # fmt: skip
    if failure.cause is Cause.KEY:
        return Finding(
            Result.FAIL, f"{host} does not take the ssh key: {failure.said}",
            f"add the public key at https://{host}/settings/keys, or set SSH_PRIVATE_KEY_FILE to "
            "a key that it knows",
            part=host,
        )  # fmt: skip
    why = "it took too long" if code == TOO_LONG else failure.said
    fix = "devcopilot doctor network"
    if host == "github.com" and place.port is None:
        fix = "if port 22 is blocked: in ~/.ssh/config, for Host github.com, set HostName "
        fix += "ssh.github.com and Port 443"
    return Finding(Result.UNKNOWN, f"ssh cannot reach {host}: {why}", fix, part=host)


def run_ssh(place: Place, facts: Facts) -> tuple[int, str]:
    """Return the code of ssh, and what it and the host said."""
    options = (word for option in OPTIONS for word in ("-o", option))
    ports = ("-p", str(place.port)) if place.port else ()
    argv = ("ssh", "-T", *options, *ports, "--", f"{place.user}@{place.host}")
    done = external_commands.run(argv, clones.make_environment(facts), timeout=PATIENCE)
    return done.returncode, (done.stdout + b"\n" + done.stderr).decode(errors="replace")


CHECK = Check(
    "ssh",
    "SSH and signing",
    "whether ssh knows each host it is used with, and signs in there",
    look,
    network=True,
    documents="docs/github.md#repository-addresses",
    timeout=60.0,
)
