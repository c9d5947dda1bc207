"""What is published before anything runs: the tokens that are at hand, without network."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from agent.github import published
from agent.github.hosts import find_accounts
from agent.github.sources.all import SOURCES
from agent.github.store import Store
from agent.github.token import Failure, Found, find_source
from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.settings.context import Context


@contextmanager
def hold_hosts(current: Context) -> Iterator[None]:
    """Keep every refresh from the tokens: what one has read is older than what it replaces."""
    hosts = current.once(find_accounts).hosts
    with contextlib.ExitStack() as held:
        for host in sorted({*hosts, *published.find_hosts(current.facts)}):
            held.enter_context(Store(host, current.facts).locked())
        yield


def resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield what publishes the tokens that are at hand, without network, and withdraws others."""
    accounts = current.once(find_accounts)
    yield from accounts.in_trouble.values()
    for account in accounts.known:
        source = find_source(account, SOURCES)
        if source is None:
            continue
        found: Found = Failure(Problem("the first refresh makes it"))
        if problem := source.check(account, current.facts):
            yield problem
        if source.lead is None:
            found = source.fetch(account, current.facts)
            if isinstance(found, Failure):
                yield found.problem
        origin = published.Origin.of(account, source)
        yield from published.resources(origin, found, current.facts)
    for host in published.find_hosts(current.facts):
        if host not in accounts.hosts:
            yield from published.withdraw(host, current.facts)
