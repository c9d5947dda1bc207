"""From the token sources to the two published files; no network.

A token that its source replaced is published at once, unchecked: a workspace without network must
work, and the old token may be dead already. The one exception is a token that GitHub has refused
while the one before it still worked: that one stays, until GitHub accepts the new one or the source
gives another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from agent import published
from agent.errors import Problem
from agent.plan import Edit, Resource
from agent.published import Record
from agent.settings import Settings
from agent.system import Facts
from agent.values import Token

Source = Callable[[Settings, Facts], Token | Problem | None]


def find_token(
    settings: Settings, facts: Facts, sources: Sequence[Source]
) -> Token | Problem | None:
    """Return what the first source that has anything to say gives: no other one is asked then."""
    for read in sources:
        found = read(settings, facts)
        if found is not None:
            return found
    return None


def resources(
    settings: Settings, facts: Facts, sources: Sequence[Source]
) -> Iterator[Resource | Problem]:
    """Yield the published files of the configured host as the sources want them now.

    A source in trouble withdraws nothing: the token that was published stays.
    """
    host = settings.github.host
    found = find_token(settings, facts, sources)
    if isinstance(found, Problem):
        yield found
        return
    if found is None:
        yield Edit(published.token_path(facts, host), lambda _: None)
        yield Edit(published.record_path(facts, host), lambda _: None)
        return
    record = published.read_record(facts, host)
    present = published.read_token(facts, host)
    fingerprint = published.fingerprint(found.value)
    if present and fingerprint in (record.rejected, record.fingerprint):
        return  # as it is, with what a check has found out since
    yield from publish(found, Record(host, refreshed=record.refreshed), facts)


def publish(token: Token, record: Record, facts: Facts) -> Iterator[Edit]:
    """Yield the published files for this token; `record` holds what else is known of it."""
    content = published.encode_token(token)
    filled = published.encode_record(
        replace(
            record,
            login=token.login,
            kind=published.find_kind(token.value),
            source=token.source or record.source,
            fingerprint=published.fingerprint(token.value),
            expires=published.format_time(token.expires) if token.expires else "",
        )
    )
    yield Edit(published.token_path(facts, token.host), lambda _: content)
    yield Edit(published.record_path(facts, token.host), lambda _: filled)
