"""Whether the ports of the services are theirs."""

from collections.abc import Iterator

from agent.machine.network.sockets import find_listening
from agent.services import probes, registered, supervisord
from agent.services.service import BannerProbe, HttpProbe, PortProbe
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each port that a service has."""
    roster = registered.ROSTER.read(current.facts)
    try:
        states = supervisord.query_states(current.facts.runtime)
    except OSError:
        states = {}
    ours = {name: state.pid for name, state in states.items() if state.pid}
    listening, owners = find_listening(), probes.find_port_owners()
    for service in roster.services:
        if isinstance(service.probe, HttpProbe | BannerProbe | PortProbe):
            port, running = service.probe.port, service.name in ours
            yield judge(service.name, port, running, port in listening, owners.get(port))


def judge(name: str, port: int, running: bool, taken: bool, owner: str | None) -> Finding:
    """Return how the port of one service stands. `owner`: who listens, if that can be seen."""
    facts = {"port": port, "owner": owner}
    fix = f"end it, or give {name} another port: `devcopilot settings` lists the variables"
    if not taken:
        if running:
            summary = f"{name} runs, and nothing listens on its port {port}"
            return Finding(Result.FAIL, summary, f"devcopilot explain {name}", facts, name)
        return Finding(Result.OK, f"port {port} of {name} is free", facts=facts, part=name)
    if not running:
        summary = f"port {port} of {name} is held by {owner or 'another program'}"
        return Finding(Result.FAIL, summary, fix, facts, name)
    return Finding(Result.OK, f"{name} has port {port} ({owner})", facts=facts, part=name)


CHECK = Check(
    "service-ports", "Services", "who holds the ports of the services", look,
    documents="docs/settings.md",
)  # fmt: skip
