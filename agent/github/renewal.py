"""One round for one host, and what somebody who waits for a token gets."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agent.github.check import Check
from agent.github.fetch import Demand, Fetch
from agent.github.published import Published, Record
from agent.github.store import Shelf
from agent.github.token import TokenSource
from agent.machine.system import Facts
from agent.settings.groups import GitHub


@dataclass(frozen=True)
class Outcome:
    """What was known of a host before, and what is known now."""

    before: Record
    after: Record


class Renewal:
    """Everything that is done for one host. OSError: the runtime folder cannot be written."""

    def __init__(self, account: GitHub, source: TokenSource, facts: Facts) -> None:
        """`source`: the one source of the host."""
        self._shelf = Shelf(account.host, facts)
        self._fetch = Fetch(account, source, self._shelf)
        self._check = Check(account, source, self._shelf)

    def keep(self, *, offline: bool = False) -> Outcome:
        """Do what is due now: fetch, publish, and unless `offline` ask GitHub about the token."""
        before, previous = self._shelf.record(), self._shelf.token()
        found = self._fetch.run(offline=offline)
        if not offline and not self._check.run(found, previous) and found is None:
            # The token was good and is not any more; one that was made just now gets some time,
            # since not all of GitHub's servers know of it yet.
            found = self._fetch.run(Demand(self._shelf.record().fingerprint))
            if found:
                self._check.run(found, None)
        with self._shelf.locked():
            record = self._shelf.record()
            if record.fingerprint or record.problems:
                self._shelf.save(replace(record, refreshed=self._shelf.stamp()))
        return Outcome(before, self._shelf.record())

    def answer(self, demand: Demand) -> Outcome:
        """Get a new token for somebody who waits, if the published one is no use."""
        before = self._shelf.record()
        self._fetch.run(demand)
        return Outcome(before, self._shelf.record())

    def read(self) -> Published | None:
        """Return the published token as it is."""
        return self._shelf.token()

    def explain(self) -> str:
        """Return what is wrong with the host as one line; empty: nothing."""
        return self._shelf.record().problem

    def find_next(self) -> float:
        """Return the seconds until something is due again; infinite: nothing that is known of."""
        return self._fetch.find_next()


def find_wish(rounds: Iterable[Renewal], interval: float) -> float | None:
    """Return the seconds until the next round if it is to come before the interval is over."""
    wish = min((each.find_next() for each in rounds), default=interval)
    return max(1.0, wish) if wish < interval else None
