"""The published files of one host: read, locked, replaced."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from agent.github import published
from agent.github import record as record_file
from agent.github.published import Origin, Published
from agent.github.record import TOKEN, Record
from agent.github.token import Token, TokenSource
from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.clock import format_time
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import plan
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts, System
from agent.machine.values import frozen
from agent.settings.github import GitHub


class Store:
    """Where the token and the record of a host lie. Raises OSError when it cannot be written."""

    def __init__(self, host: str, facts: Facts) -> None:
        self.host = host
        self.facts = facts

    def record(self) -> Record:
        """Return what is known of the host."""
        return record_file.read_record(self.facts, self.host)

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
        record_file.RECORD.write(self.facts, record, self.host)

    def note(self, part: str, problem: Problem | None) -> Record:
        """Note that this part is in trouble, or in order; return the record."""
        with self.locked():
            before = self.record()
            record = before.without_problems(part)
            if problem:
                record = record.with_problem(part, problem)
            if record != before:
                self.save(record)
        return record

    def publish(self, token: Token, record: Record) -> None:
        """Replace token and record."""
        self.apply(published.publish(token, record, self.facts))

    def mark_read(self, written: int | None) -> None:
        """Note that a file of this time (ns) was read: who finds a newer one there asks for it."""
        path = published.token_path(self.facts, self.host)
        if written is not None and path.exists():
            os.utime(path, ns=(written, written))

    def withdraw(self) -> None:
        """Take back what is published of a host that has no source any more."""
        with self.locked():
            self.apply(published.withdraw(self.host, self.facts))

    def apply(self, wanted: Iterable[Resource]) -> None:
        """Bring published files about; none of them stands in the ledger."""
        for action in plan(TOKEN, wanted, self.facts, Ledger()).actions:
            action.apply(System(self.facts.environ))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the host; waits for another process to let it go."""
        with runtime.hold_lock(str(self.facts.runtime / runtime.TOKENS / f".{self.host}.lock")):
            yield

    def stamp(self) -> str:
        """Return the time as records have it."""
        return format_time(self.facts.clock.now())

    def find_end(self, retry_after: float | None) -> float:
        """Return the uptime at which a wait of so many seconds is over; 0: there is none."""
        return 0.0 if retry_after is None else self.facts.clock.uptime() + retry_after + 1


@frozen
class HostSource:
    """One host: its account, the one source of its token, and where that is published."""

    account: GitHub
    source: TokenSource
    store: Store

    @property
    def origin(self) -> Origin:
        """Return what tells this source from any other."""
        return Origin.of(self.account, self.source)


class HostWork:
    """Something that is done for one host, with all that it needs at hand."""

    def __init__(self, host: HostSource) -> None:
        self._account = host.account
        self._source = host.source
        self._origin = host.origin
        self._store = host.store
