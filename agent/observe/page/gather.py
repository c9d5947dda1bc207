"""Asks the parts of the agent what the page shows. Nothing is asked over the network."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

from agent.backup import history
from agent.machine.light import faults
from agent.observe import findings, recent_log, status
from agent.observe.item import Item
from agent.observe.metrics.history import load
from agent.observe.page.compose import Sources
from agent.observe.page.gauges import find_gauges
from agent.observe.page.ports import show_ports
from agent.observe.page.view import Gauge
from agent.observe.ports import overview as ports
from agent.observe.status import Status
from agent.observe.versions import find_versions
from agent.services.login_page import find_name
from agent.settings.context import Context

REPORT = "please report it with what `devcopilot support-bundle` collects"

T = TypeVar("T")


class Attempts:
    """Asks parts that the page can do without: it is looked at when something is broken."""

    def __init__(self) -> None:
        self.failed: list[Item] = []

    def ask(self, what: str, find: Callable[[], T], default: T) -> T:
        """Return what a part says, or the default where it fails; the page then says so."""
        try:
            return find()
        except Exception as error:
            words = f"The page cannot show {what}"
            self.failed.append(Item("warning", words, "", [faults.describe(error)], REPORT))
            return default


def gather(current: Context, chosen: str = "") -> Sources:
    """Return all that is known. Raises AgentError when the agent is not running here."""
    facts, attempts = current.facts, Attempts()
    now, found = facts.clock.now(), status.collect(current)
    pids = {service.name: service.pid for service in found.services}

    def measure() -> Sequence[Gauge]:
        return find_usage_gauges(current, found, now.timestamp())

    return Sources(
        name=find_name(current),
        status=found,
        moment=now,
        days=attempts.ask("the backups of the last weeks", lambda: history.FILE.read(facts), {}),
        gauges=attempts.ask("what is used", measure, ()),
        findings=attempts.ask("what doctor found", lambda: findings.FILE.read(facts), ()),
        lines=attempts.ask("the log", lambda: recent_log.read(facts), ()),
        chosen=chosen,
        versions=attempts.ask("versions", lambda: tuple(find_versions()), ()),
        ports=attempts.ask("ports", lambda: show_ports(ports.collect(current, pids=pids)), None),
        failed=tuple(attempts.failed),
    )


def find_usage_gauges(current: Context, found: Status, now: float) -> Sequence[Gauge]:
    """Return what is used of what has a limit, with its history."""
    return tuple(find_gauges(load(os.fspath(current.facts.runtime)), now, found.usage))
