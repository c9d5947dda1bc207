"""Keeps the published token of a host good: fetches, publishes, checks.

Whatever fails withdraws nothing: the token that is published stays until there is a better one.
Fetching happens under a lock of the host, so that ten programs that want a token make one; the
check happens outside of it, so that a server that hangs keeps nobody waiting.
"""

from collections.abc import Iterable

from agent.github.hosts import find_accounts
from agent.github.published import Published
from agent.github.record import Record
from agent.github.sources.all import SOURCES
from agent.github.store import HostSource, Store
from agent.github.token import find_source
from agent.github.token_check import Check
from agent.github.token_fetch import Demand, Fetch
from agent.machine.values import frozen
from agent.settings.context import Context


@frozen
class Outcome:
    """What was known of a host before, and what is known now."""

    before: Record
    after: Record


class Renewal:
    """Everything that is done for one host. OSError: the runtime folder cannot be written."""

    def __init__(self, host: HostSource) -> None:
        self._store = host.store
        self._fetch = Fetch(host)
        self._check = Check(host)

    def keep(self, *, offline: bool = False) -> Outcome:
        """Do what is due now: fetch, publish, and unless `offline` ask GitHub about the token."""
        before, previous = self._store.record(), self._store.token()
        found = self._fetch.run(offline=offline)
        if not offline and not self._check.run(found, previous) and found is None:
            # The token was good and is not any more; one that was made just now gets some time,
            # since not all of GitHub's servers know of it yet.
            found = self._fetch.run(Demand(self._store.record().fingerprint))
            if found:
                self._check.run(found, None)
        with self._store.locked():
            record = self._store.record()
            if record.fingerprint or record.problems:
                self._store.save(record.after_round(self._store.stamp()))
        return Outcome(before, self._store.record())

    def answer(self, demand: Demand) -> Outcome:
        """Get a new token for somebody who waits, if the published one is no use."""
        before = self._store.record()
        self._fetch.run(demand)
        return Outcome(before, self._store.record())

    def read(self) -> Published | None:
        """Return the published token as it is."""
        return self._store.token()

    def explain(self) -> str:
        """Return what is wrong with the host as one line; empty: nothing."""
        return self._store.record().problem

    def find_next(self) -> float:
        """Return the seconds until something is due again; infinite: nothing that is known of."""
        return self._fetch.find_next()


def make_renewals(context: Context) -> dict[str, Renewal]:
    """Return host -> its renewal, for every host that has a source."""
    return {
        account.host: Renewal(HostSource(account, source, Store(account.host, context.facts)))
        for account in context.once(find_accounts).known
        if (source := find_source(account, SOURCES))
    }


def find_next_run(renewals: Iterable[Renewal], interval: float) -> float | None:
    """Return the seconds until the next round if it is to come before the interval is over."""
    pause = min((each.find_next() for each in renewals), default=interval)
    return max(1.0, pause) if pause < interval else None
