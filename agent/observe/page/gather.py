"""Asks the parts of the agent what the page shows. Nothing is asked over the network."""

import os

from agent.backup import history
from agent.observe import findings, recent_log, status
from agent.observe.metrics.history import load
from agent.observe.page.compose import Sources
from agent.observe.page.gauges import find_gauges
from agent.observe.page.ports import show_ports
from agent.observe.page.versions import find_versions
from agent.observe.ports import report as ports
from agent.services.login_page import find_name
from agent.settings.context import Context


def gather(current: Context, chosen: str = "") -> Sources:
    """Return all that is known. Raises AgentError when the agent is not running here."""
    facts = current.facts
    now = facts.clock.now()
    found = status.collect(current)
    samples = load(os.fspath(facts.runtime))
    return Sources(
        name=find_name(current),
        status=found,
        moment=now,
        days=history.FILE.read(facts),
        gauges=tuple(find_gauges(samples, now.timestamp(), found.usage)),
        findings=findings.FILE.read(facts),
        lines=recent_log.read(facts),
        chosen=chosen,
        versions=tuple(find_versions()),
        ports=show_ports(ports.collect(current)),
    )
