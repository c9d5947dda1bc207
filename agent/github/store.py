"""The published files of one host, and the notes on its record."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from agent.github import publication, published
from agent.github.published import Published, Record
from agent.github.token import Token
from agent.machine import runtime
from agent.machine.errors import Problem
from agent.machine.plan import Ledger, Resource, plan
from agent.machine.system import Facts, System

TOKEN, CHECK, SCOPES, CLOCK = "token", "check", "scopes", "clock"
"""What can be in trouble: the source, the check, what the token may do, the machine's clock."""
HOST_FILE, GH = "file", "gh"
"""And: the file of hosts.d that describes the host, gh's own files."""
SKEW_WORTH_A_WARNING = 60.0
"""Seconds between this machine's clock and GitHub's that are worth a warning."""
MOST_FAILURES = 20
"""Beyond that, one more makes no difference."""


class Shelf:
    """Where the token and the record of a host lie. Raises OSError when it cannot be written."""

    def __init__(self, host: str, facts: Facts) -> None:
        self.host = host
        self.facts = facts

    def record(self) -> Record:
        """Return what is known of the host."""
        return published.read_record(self.facts, self.host)

    def token(self) -> Published | None:
        """Return the published token."""
        return published.read_token(self.facts, self.host)

    def token_to_publish(self, known: Published, source: str) -> Token:
        """Return a published token as one to publish again, with its end by today's clock."""
        clock = self.facts.clock
        left = known.left(clock)
        expires = clock.now() + timedelta(seconds=left) if left is not None else None
        return Token(self.host, known.value, known.login, expires, source)

    def save(self, record: Record) -> None:
        """Replace the record."""
        path = published.record_path(self.facts, self.host)
        runtime.write_atomic(str(path), published.encode_record(record))

    def note(self, part: str, problem: Problem | None) -> Record:
        """Note that this part is in trouble, or in order; return the record."""
        with self.locked():
            before = self.record()
            record = without_problems(before, part)
            if problem:
                record = with_problem(record, part, problem)
            if record != before:
                self.save(record)
        return record

    def publish(self, token: Token, record: Record) -> None:
        """Replace token and record."""
        self.apply(publication.publish(token, record, self.facts))

    def mark_read(self, written: int | None) -> None:
        """Note that a file of this time (ns) was read: who finds a newer one there asks for it."""
        path = published.token_path(self.facts, self.host)
        if written is not None and path.exists():
            os.utime(path, ns=(written, written))

    def withdraw(self) -> None:
        """Take back what is published of a host that has no source any more."""
        with self.locked():
            self.apply(publication.withdraw(self.host, self.facts))

    def apply(self, wanted: Iterable[Resource]) -> None:
        """Bring published files about; none of them stands in the ledger."""
        for action in plan(TOKEN, wanted, self.facts, Ledger()).actions:
            action.apply(System(self.facts.environ))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the host; waits for another process to let it go."""
        with runtime.hold_lock(str(self.facts.runtime / runtime.TOKENS / f".{self.host}.lock")):
            yield

    # --- notes: a record with something changed ------------------------------------------------

    def stamp(self) -> str:
        """Return the time as records have it."""
        return published.format_time(self.facts.clock.now())

    def note_fetch_failure(self, record: Record, retry_after: float | None) -> Record:
        """Note that the source had no token, and until when it does not want to be asked."""
        failures = min(record.failures + 1, MOST_FAILURES)
        return replace(record, failures=failures, retry_at=self._find_end(retry_after))

    def note_check_failure(self, record: Record, retry_after: float | None) -> Record:
        """Note that GitHub said nothing of the token, and until when it is not to be asked."""
        failures = min(record.check_failures + 1, MOST_FAILURES)
        end = self._find_end(retry_after)
        return replace(record, check_failures=failures, check_retry_at=end)

    def _find_end(self, retry_after: float | None) -> float:
        return 0.0 if retry_after is None else self.facts.clock.uptime() + retry_after + 1


def with_problem(record: Record, part: str, problem: Problem) -> Record:
    """Return the record with this part in trouble."""
    return replace(record, problems={**record.problems, part: str(problem)})


def without_problems(record: Record, *parts: str) -> Record:
    """Return the record with these parts in order."""
    left = {part: text for part, text in record.problems.items() if part not in parts}
    return replace(record, problems=left)


def note_fetch(record: Record) -> Record:
    """Return the record of a host whose source has given a token."""
    return replace(record, failures=0, retry_at=0.0)


def note_check(record: Record) -> Record:
    """Return the record of a host that has accepted its token."""
    return replace(record, check_failures=0, check_retry_at=0.0, refusals=0)


def note_skew(record: Record, skew: float) -> Record:
    """Return the record with what is known of the clocks; a large difference is worth a line."""
    record = replace(without_problems(record, CLOCK), skew=skew)
    if abs(skew) <= SKEW_WORTH_A_WARNING:
        return record
    minutes = round(abs(skew) / 60)
    amount = f"{minutes} minute{'' if minutes == 1 else 's'}"
    direction = "behind" if skew > 0 else "ahead of"
    words = f"this machine's clock is {amount} {direction} that of {record.host}"
    return with_problem(record, CLOCK, Problem(words, "set the clock; tokens work all the same"))
