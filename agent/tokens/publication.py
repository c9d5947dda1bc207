"""From a token to the two published files, and back to nothing.

A token that its source replaced is published at once, unchecked: a workspace without network must
work, and the old token may be dead already. The one exception is a token that GitHub has refused
while the one before it still worked: that one stays, until GitHub accepts the new one or the source
gives another.
"""

from collections.abc import Iterator
from dataclasses import replace

from agent import published
from agent.plan import Edit, Resource
from agent.published import Record
from agent.sources import Found, Token, find_kind
from agent.system import Facts


def resources(host: str, found: Found, facts: Facts) -> Iterator[Resource]:
    """Yield the published files of a host for what its source gave now.

    A source in trouble withdraws nothing: the token that was published stays.
    """
    if found is None:
        yield from withdraw(host, facts)
    elif isinstance(found, Token):
        record = published.read_record(facts, host)
        known = (record.rejected, record.fingerprint)
        if not published.read_token(facts, host) or published.fingerprint(found.value) not in known:
            yield from publish(found, Record(host, refreshed=record.refreshed), facts)


def publish(token: Token, record: Record, facts: Facts) -> Iterator[Edit]:
    """Yield the published files for this token; `record` holds what else is known of it.

    Of a record of another token only what still holds may be left.
    """
    clock = facts.clock
    life = (token.expires - clock.now()).total_seconds() if token.expires else 0.0
    content = published.encode_token(token, clock)
    filled = published.encode_record(
        replace(
            record,
            login=token.login,
            kind=find_kind(token.value),
            source=token.source or record.source,
            grants=token.grants or record.grants,
            fingerprint=published.fingerprint(token.value),
            expires=published.format_time(token.expires) if token.expires else "",
            life=record.life or max(0.0, life),
            skew=token.skew or record.skew,
        )
    )
    yield Edit(published.token_path(facts, token.host), lambda _: content)
    yield Edit(published.record_path(facts, token.host), lambda _: filled)


def withdraw(host: str, facts: Facts) -> Iterator[Edit]:
    """Yield what takes the published files of a host back."""
    yield Edit(published.token_path(facts, host), lambda _: None)
    yield Edit(published.record_path(facts, host), lambda _: None)
