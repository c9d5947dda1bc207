"""Fetching: whether a new token is due, getting it from its source, publishing it."""

import math
import random
from dataclasses import replace
from pathlib import Path

from agent.github import published
from agent.github.published import Published
from agent.github.record import MOST_FAILURES, TOKEN, Record
from agent.github.store import HostSource, HostWork
from agent.github.token import Failure, Found, Token
from agent.machine.errors import Problem
from agent.machine.light import faults
from agent.machine.light.backoff import Backoff
from agent.machine.values import frozen

MARGIN = 120.0
"""Seconds before its end at which who wants to use a token asks for a newer one."""
SPREAD = 0.1
"""By this share a renewal comes earlier or later, so that many workspaces do not ask at once."""
FIRST_DELAY, LONGEST_DELAY = 4.0, 300.0
"""Seconds until the next try after a failure: a random share of FIRST, doubled each time."""
PAUSES = Backoff(2 * FIRST_DELAY, LONGEST_DELAY)
FRESH = 60.0
"""Seconds in which GitHub may refuse a new token, since not all its servers know of it yet; a
guess on the safe side: GitHub names no figure."""
PATIENCE = Backoff(2 * FRESH, math.inf)
"""Seconds that a token has which was made because GitHub had refused the one before."""
LEAST_PAUSE = 10.0
"""Seconds to the next renewal at least, however short a token lives; who needs one asks."""
AFTER_LIMIT = 5.0
"""Up to so many seconds later than a server allows it is asked again."""


@frozen
class Demand:
    """Somebody waits for a token that can be used now."""

    refused: str = ""
    """`fingerprint` of the token that GitHub has just refused; empty: none was."""


class Fetch(HostWork):
    """Gets the token of one host from its one source."""

    def __init__(self, host: HostSource) -> None:
        super().__init__(host)
        self._clock = host.store.facts.clock

    def run(self, demand: Demand | None = None, *, offline: bool = False) -> Token | None:
        """Fetch a token if one is due and publish it; return what was fetched, published or not.

        Without a demand it is a matter of time: then it may wait for a better moment. `offline`:
        only read what is there.
        """
        if offline and self._source.lead is not None:
            return None
        asked = self._clock.uptime()
        with self._store.locked():
            record, present = self._store.record(), self._store.token()
            if record.origin != self._origin.origin:
                record, present = self._origin.make_record(Record(self._store.host)), None
            if record.failed_at > asked or not self._is_due(record, present, demand):
                return None  # if it failed while we waited for the lock, that holds for us as well
            if self._source.lead is not None:
                # Where nothing can be written, nothing is to be made: it would be lost.
                self._store.save(self._store.record())
            written = self._find_time_of_file()
            found = self._fetch()
            self._store.apply(published.resources(self._origin, found, self._store.facts))
            self._store.mark_read(written)
            if isinstance(found, Failure):
                self._store.save(self._note_failure(self._store.record(), found))
                return None
            if found:
                self._store.save(self._note_token(self._store.record(), found, demand))
            return found

    def _find_time_of_file(self) -> int | None:
        """Return when the file that the source reads was written, in ns; None: there is none."""
        try:
            return Path(self._origin.file).stat().st_mtime_ns if self._origin.file else None
        except OSError:
            return None

    def _fetch(self) -> Found:
        try:
            found = self._source.fetch(self._account, self._store.facts)
            return self._refuse_expired(found) if isinstance(found, Token) else found
        except Exception as error:
            # An answer that nobody foresaw; other hosts must go on.
            words = f"cannot get a token for {self._store.host}: {faults.describe(error)}"
            return Failure(Problem(words))

    def _refuse_expired(self, token: Token) -> Token | Failure:
        """Return the token, or a failure: asked again at once, its source could say the same."""
        if token.expires is None or token.expires > self._clock.now():
            return token
        problem = Problem(
            f"cannot use the token of {token.source} for {token.host}: it has expired already",
            "check what issued it, and this machine's clock: `date`",
        )
        return Failure(problem, skew=token.skew)

    def find_next(self) -> float:
        """Return the seconds until something is due again; infinite: nothing that is known of."""
        record, present = self._store.record(), self._store.token()
        tries = (
            self._find_try(record.failures, record.retry_at),
            self._find_try(record.check_failures, record.check_retry_at),
        )
        return min(*tries, self._find_renewal(record, present))

    def _find_try(self, failures: int, retry_at: float) -> float:
        """Return the seconds until what has failed is tried again."""
        blocked = retry_at - self._clock.uptime()
        if blocked > 0:
            return blocked + random.uniform(0, AFTER_LIMIT)  # noqa: S311 - no secret
        if not failures:
            return float("inf")
        return random.uniform(1.0, PAUSES.pause(failures))  # noqa: S311 - as above

    def _find_renewal(self, record: Record, present: Published | None) -> float:
        """Return the seconds until the token is to be renewed, unless that has failed just now."""
        if record.failures:
            return float("inf")
        left = present.left(self._clock) if present else None
        if left is None or self._source.lead is None:
            return float("inf")
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - as above
        return max(LEAST_PAUSE, left - self._find_lead(record) * spread)

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
            # With another one published, somebody has renewed it already.
            return demand.refused == present.fingerprint and self._may_replace(record)
        return left is not None and left < min(MARGIN, record.life / 2)

    def _may_replace(self, record: Record) -> bool:
        """Tell whether a refused token is to be replaced: ever more seldom, if it does not help.

        Not all of GitHub's servers know a new token at once, and some refuse every one. One more is
        made at once: it may have been good, and nobody has checked it yet.
        """
        patience = PATIENCE.pause(record.refusals - 1)
        return bool(record.checked) or self._clock.uptime() >= record.made + patience

    def _is_time(self, record: Record, left: float) -> bool:
        lead = self._find_lead(record)
        if left > lead * (1 + SPREAD):
            return False
        waits = self._source.replaces and left > lead / 3
        return not (waits and is_git_running(self._store.facts.uid))

    def _find_lead(self, record: Record) -> float:
        """Return the seconds before its end that the token is renewed: half of a short life."""
        return min(self._source.lead or 0.0, record.life / 2)

    def _note_token(self, record: Record, token: Token, demand: Demand | None) -> Record:
        record = record.without_problems(TOKEN)
        if self._source.lead is None:
            return record
        if demand and demand.refused:
            record = replace(record, refusals=min(record.refusals + 1, MOST_FAILURES))
        return record.after_fetch().with_skew(token.skew)  # it was asked, and has answered

    def _note_failure(self, record: Record, failure: Failure) -> Record:
        record = record.with_problem(TOKEN, failure.problem)
        if self._source.lead is None:
            return record  # it is read again at each round anyway
        record = replace(record.with_skew(failure.skew), failed_at=self._clock.uptime())
        return record.after_failed_fetch(self._store.find_end(failure.retry_after))


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
