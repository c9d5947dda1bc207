"""Fetching: whether a new token is due, getting it from its source, publishing it."""

import random
from dataclasses import dataclass
from pathlib import Path

from agent.published import Published, Record
from agent.renewal.shelf import (
    TOKEN,
    Shelf,
    note_skew,
    note_success,
    with_problem,
    without_problems,
)
from agent.settings import GitHub
from agent.sources import Failure, Found, Token, TokenSource
from agent.tokens import publication

MARGIN = 120.0
"""Seconds before its end at which who wants to use a token asks for a newer one."""
SPREAD = 0.1
"""By this share a renewal comes earlier or later, so that many workspaces do not ask at once."""
FIRST_DELAY, LONGEST_DELAY = 4.0, 300.0
"""Seconds until the next try after a failure: a random share of FIRST, doubled each time."""
AFTER_LIMIT = 5.0
"""Up to so many seconds later than a server allows it is asked again."""


@dataclass(frozen=True)
class Demand:
    """Somebody waits for a token that can be used now."""

    refused: str = ""
    """`fingerprint` of the token that GitHub has just refused; empty: none was."""


class Fetch:
    """Gets the token of one host from its one source."""

    def __init__(self, account: GitHub, source: TokenSource, shelf: Shelf) -> None:
        self._account = account
        self._source = source
        self._shelf = shelf
        self._clock = shelf.facts.clock

    def run(self, demand: Demand | None = None) -> Token | None:
        """Fetch a token if one is due and publish it; return what was fetched, published or not.

        Without a demand it is a matter of time: then it may wait for a better moment.
        """
        with self._shelf.locked():
            record = self._shelf.record()
            if not self._is_due(record, self._shelf.token(), demand):
                return None
            found = self._source.fetch(self._account, self._shelf.facts)
            if isinstance(found, Failure):
                self._shelf.save(self._note_failure(record, found))
                return None
            self._publish(found)
            return found

    def find_next(self) -> float:
        """Return the seconds until something is due again; infinite: nothing that is known of."""
        record, present = self._shelf.record(), self._shelf.token()
        blocked = record.retry_at - self._clock.uptime()
        if blocked > 0:
            return blocked + random.uniform(0, AFTER_LIMIT)  # noqa: S311 - no secret
        if record.failures:
            most = min(LONGEST_DELAY, FIRST_DELAY * 2.0**record.failures)
            return random.uniform(1.0, most)  # noqa: S311 - as above
        left = present.left(self._clock) if present else None
        if left is None or self._source.lead is None:
            return float("inf")
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - as above
        return max(1.0, left - self._find_lead(record) * spread)

    def _is_due(self, record: Record, present: Published | None, demand: Demand | None) -> bool:
        if self._source.lead is None:
            return True
        if self._clock.uptime() < record.retry_at:
            return False
        if present is None:
            return True
        left = present.left(self._clock)
        if demand:
            return self._is_wanted(record, present, left, demand)
        return left is None or self._is_time(record, left)

    def _is_wanted(
        self, record: Record, present: Published, left: float | None, demand: Demand
    ) -> bool:
        """Tell whether the published token is no use to somebody who waits for one."""
        if demand.refused:
            return demand.refused == present.fingerprint  # else somebody has renewed it already
        return left is not None and left < min(MARGIN, record.life / 2)

    def _is_time(self, record: Record, left: float) -> bool:
        lead = self._find_lead(record)
        if left > lead * (1 + SPREAD):
            return False
        waits = self._source.replaces and left > lead / 3
        return not (waits and is_git_running(self._shelf.facts.uid))

    def _find_lead(self, record: Record) -> float:
        """Return the seconds before its end that the token is renewed: half of a short life."""
        return min(self._source.lead or 0.0, record.life / 2)

    def _publish(self, found: Found) -> None:
        self._shelf.apply(publication.resources(self._shelf.host, found, self._shelf.facts))
        if isinstance(found, Token):
            record = without_problems(self._shelf.record(), TOKEN)
            if self._source.lead is not None:  # it was asked, and has answered
                record = note_skew(note_success(record), found.skew)
            self._shelf.save(record)

    def _note_failure(self, record: Record, failure: Failure) -> Record:
        record = with_problem(record, TOKEN, failure.problem)
        if self._source.lead is None:
            return record  # it is read again at each round anyway
        record = note_skew(record, failure.skew)
        return self._shelf.count_failure(record, failure.retry_after)


def is_git_running(uid: int) -> bool:
    """Tell whether a git of this uid talks to a server over https now."""
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdigit()
                and folder.stat().st_uid == uid
                and (folder / "comm").read_text().startswith("git-remote-http")
            ):
                return True
        except OSError:
            continue  # it has ended
    return False
