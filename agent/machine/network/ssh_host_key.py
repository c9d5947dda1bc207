"""Asks an ssh host for its key, to show it to whoever has to decide. Nothing is trusted here."""

from urllib.parse import urlsplit

from agent.machine.light.expressions import regex
from agent.machine.programs import external_commands
from agent.machine.system import Facts

_SHOWN = regex(r"Server host key: (\S+) (SHA256:\S+)")
_PATIENCE = 20.0
"""Seconds for a host to show its key."""


def explain(url: str, said: str, facts: Facts) -> tuple[str, str]:
    """Return why ssh refuses a host, with the fingerprint of its key, and what to do about it."""
    host, port = find_host(url)
    key = _ask(host, port, facts)
    if "CHANGED" in said:
        return f"the ssh key of {host} has changed{key}", "compare it with the one it publishes"
    ports = f"-p {port} " if port else ""
    return (
        f"the ssh key of {host} is not known{key}",
        f"compare it with the one it publishes, then: ssh-keyscan {ports}{host} "
        ">>~/.ssh/known_hosts",
    )


def find_host(url: str) -> tuple[str, int | None]:
    """Return the host and the port of an ssh address."""
    if "://" in url:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port
    return url.partition(":")[0].rpartition("@")[2], None


def _ask(host: str, port: int | None, facts: Facts) -> str:
    """Return the key that a host shows, to be added to a sentence."""
    ports = ("-p", str(port)) if port else ()
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10")
    words = (word for option in options for word in ("-o", option))
    argv = ("ssh", "-v", *words, *ports, "--", host, "true")
    said = external_commands.run(argv, facts.environ, timeout=_PATIENCE).stderr.decode(
        errors="replace"
    )
    found = _SHOWN.search(said)
    return f": {found[1]} {found[2]}" if found else ""
