"""How the token of each host is, without the token: for `status` and whatever else tells of it."""

import time

from agent.github import published
from agent.github.hosts import find_accounts
from agent.github.record import read_record
from agent.machine.errors import Problem
from agent.machine.light.clock import timestamp
from agent.machine.values import frozen
from agent.settings.context import Context


@frozen
class Row:
    """The token of one host. Times are RFC 3339, in UTC; empty: not known, or never."""

    host: str
    login: str | None
    kind: str
    source: str
    grants: str
    """Scopes or permissions, as GitHub lists them."""
    checked: str
    """When GitHub last said that the token is good."""
    refreshed: str
    """When a refresh last ran."""
    expires: str
    problem: str
    published: bool
    """Whether programs can get a token."""
    good: bool
    """Whether nothing is known to be wrong with it, either."""
    refreshes: int
    """Rounds of the refresh in this life of the container."""
    failed: int
    """Those after which something was wrong."""


def find_tokens(current: Context) -> list[Row]:
    """Return a row for each host."""
    accounts = current.once(find_accounts)
    hosts = [account.host for account in accounts.known]
    hosts += sorted(accounts.in_trouble)
    return [_describe(host, accounts.in_trouble.get(host), current) for host in hosts]


def _describe(host: str, trouble: Problem | None, current: Context) -> Row:
    record = read_record(current.facts, host)
    token = published.read_token(current.facts, host)
    left = token.left(current.facts.clock) if token else None
    return Row(
        host=record.host,
        login=record.login,
        kind=record.kind,
        source=record.source,
        grants=record.grants,
        checked=record.checked,
        refreshed=record.refreshed,
        expires=record.expires if left is None else timestamp(time.time() + left, digits=0),
        problem="; ".join(filter(None, (record.problem, str(trouble or "")))),
        published=token is not None,
        good=token is not None and not (record.is_bad or trouble),
        refreshes=record.rounds,
        failed=record.bad_rounds,
    )
