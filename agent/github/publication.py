"""From a token to the two published files, and back to nothing.

A token that its source replaced is published at once, unchecked: a workspace without network must
work, and the old token may be dead already. The one exception is a token that GitHub has refused
while the one before it still worked: that one stays, until GitHub accepts the new one or the source
gives another.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from agent.github import published
from agent.github.published import Record
from agent.github.token import Failure, Found, Token, TokenSource, find_kind, find_origin
from agent.machine.plan import Edit, Resource
from agent.machine.system import Facts
from agent.settings.groups import GitHub


@dataclass(frozen=True)
class Origin:
    """Where the token of a host comes from, as its record has it."""

    host: str
    origin: str
    file: str

    @classmethod
    def of(cls, account: GitHub, source: TokenSource) -> "Origin":
        """Return that of this source."""
        file = account.token.file if account.token else None
        return cls(account.host, find_origin(account, source), str(file or ""))

    def make_record(self, known: Record) -> Record:
        """Return the record of a token of this origin that is not known yet; `known` is of others.

        What is known of the host itself stays.
        """
        return Record(
            self.host,
            origin=self.origin,
            file=self.file,
            refreshed=known.refreshed,
            said=known.said,
            refusals=known.refusals,
            skew=known.skew,
        )


def resources(origin: Origin, found: Found, facts: Facts) -> Iterator[Resource]:
    """Yield the published files of a host for what its source gave now.

    A source in trouble withdraws nothing but the token of another origin.
    """
    host, record = origin.host, published.read_record(facts, origin.host)
    present = published.read_token(facts, host)
    if found is None:
        yield from withdraw(host, facts)
    elif isinstance(found, Failure):
        if record.origin != origin.origin:
            yield from publish(None, origin.make_record(Record(host)), facts)
    else:
        same = record.origin == origin.origin
        known = same and published.fingerprint(found.value) in (record.rejected, record.fingerprint)
        if present is None or not known:
            yield from publish(found, origin.make_record(record if same else Record(host)), facts)


def publish(token: Token | None, record: Record, facts: Facts) -> Iterator[Edit]:
    """Yield the published files for this token, or for a host that has none yet.

    `record` holds what else is known of it; of another token's only what still holds may be left.
    """
    content = published.encode_token(token, facts.clock, record.file)
    filled = published.encode_record(_fill(record, token, facts) if token else record)
    yield Edit(published.token_path(facts, record.host), lambda _: content)
    yield Edit(published.record_path(facts, record.host), lambda _: filled)


def _fill(record: Record, token: Token, facts: Facts) -> Record:
    clock = facts.clock
    life = (token.expires - clock.now()).total_seconds() if token.expires else 0.0
    return replace(
        record,
        login=token.login,
        kind=find_kind(token.value),
        source=token.source or record.source,
        grants=token.grants or record.grants,
        fingerprint=published.fingerprint(token.value),
        expires=published.format_time(token.expires) if token.expires else "",
        life=record.life or max(0.0, life),
        made=record.made or clock.uptime(),
        skew=token.skew or record.skew,
    )


def withdraw(host: str, facts: Facts) -> Iterator[Edit]:
    """Yield what takes the published files of a host back."""
    yield Edit(published.token_path(facts, host), lambda _: None)
    yield Edit(published.record_path(facts, host), lambda _: None)
