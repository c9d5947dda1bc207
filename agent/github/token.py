"""What a token source is and what it gives: the values that sources/ and the renewal share.

A source belongs to one GitHub host. Some only read what is there (a file, a variable); others mint
a token, for which they ask the network. Each says so of itself, and nobody else needs to know.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import islice

from agent.github.api import parse_time
from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.light.expressions import regex
from agent.machine.light.texts import UnusableError, trim, word
from agent.machine.light.token_prefixes import GITHUB_KINDS
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub

NO_LOGIN = "test_token"
"""The text that stands for "no login" in place of a token."""


@frozen
class Token:
    """A GitHub token and what is known of it."""

    host: str
    value: Secret
    login: str | None = None
    """The user whose token it is, once GitHub has told; Apps' tokens have none."""
    expires: datetime | None = None
    """Aware, by this machine's clock; None: no expiry is known."""
    source: str = ""
    """Where it came from: the name of a variable."""
    grants: str = ""
    """Scopes or permissions, as GitHub lists them; empty: not known."""
    skew: float = 0.0
    """Seconds by which the server's clock was ahead of this machine's."""


@frozen
class Failure:
    """Why a source has no token now."""

    problem: Problem
    retry_after: float | None = None
    """Seconds for which the server does not want to be asked; None: it said nothing of it."""
    skew: float = 0.0
    """As for a token."""


Found = Token | Failure | None
"""None: the source says that there is to be no login."""


@frozen
class TokenSource:
    """One way to get a token."""

    name: str
    """In words: "the token file"."""
    is_configured: Callable[[GitHub], bool]
    """Whether it is the host's source, if no source before it in the catalogue is."""
    fetch: Callable[[GitHub, Facts], Found]
    """Read the token, or mint a new one. Raises nothing for what files and servers do."""
    lead: float | None = None
    """Seconds before its end that a token is renewed; None: reading costs nothing and mints
    nothing, so that it is read each time."""
    replaces: bool = False
    """A new token ends the one before it at once."""
    check: Callable[[GitHub, Facts], Problem | None] = lambda account, facts: None  # noqa: ARG005
    """Try at the start what needs no network: whether the key signs, the command exists."""


def find_origin(account: GitHub, source: TokenSource) -> str:
    """Return what tells this source of this host from any other; it holds no secret."""
    return hashlib.sha256(repr((source.name, account)).encode()).hexdigest()


def find_source(account: GitHub, sources: tuple[TokenSource, ...]) -> TokenSource | None:
    """Return the one source of a host: the first that is configured, whatever it yields.

    There is no fall-back to a later one: it would silently act as somebody else.
    """
    return next((source for source in sources if source.is_configured(account)), None)


def make_token(text: Secret, host: str, source: str, hint: str | None = None) -> Found:
    """Return the token that a source gave, what is wrong with it, or None for "no login".

    The one maker of tokens, whoever gives them: a line feed within would write further lines of
    the published file. Length and prefix are not judged: GitHub changes both. `hint`: what to
    do about one that nobody could use, where the reader's own advice does not fit.
    """
    try:
        value = word(text.reveal())
    except UnusableError as error:
        return Failure(
            Problem(f"cannot use {source}: {error}", error.hint if hint is None else hint)
        )
    return None if value == NO_LOGIN else Token(host, Secret(value), source=source)


def read_answer(text: str, host: str, source: str, skew: float = 0.0) -> Found:
    """Return the token in what somebody else's program or server answered.

    The text is the token alone, or a JSON object with `token` and, if it ends, `expires_at`
    (RFC 3339, by a clock that is `skew` seconds ahead of ours).
    """
    text = trim(text)
    if not text.startswith("{"):
        return make_token(Secret(text), host, source)
    try:
        document = parse_json(text)
        token = make_token(Secret(document["token"]), host, source)
        ends = document.get("expires_at")
        expires = parse_time(ends, skew)
    except (ValueError, KeyError, AttributeError, TypeError):
        return _unusable(source, "it is not a JSON object with `token`")
    if ends and expires is None:
        return _unusable(source, "`expires_at` is not an RFC 3339 time")
    return replace(token, expires=expires, skew=skew) if isinstance(token, Token) else token


def _unusable(source: str, cause: str) -> Failure:
    hint = 'answer {"token": "…", "expires_at": "2026-12-01T10:00:00Z"}'
    return Failure(Problem(f"cannot use the response of {source}: {cause}", hint))


_GRANT = regex(r"[a-z_:;= ]{1,200}")
"""A scope, or a permission and its level. A host may repeat the token there, which has digits."""
MOST_GRANTS = 200
"""An App with all permissions that there are has half as many."""


def read_grants(text: str) -> str:
    """Return the scopes or permissions of a server's list, without what cannot be one."""
    found = filter(_GRANT.fullmatch, map(str.strip, text.split(",")))
    return ", ".join(islice(found, MOST_GRANTS))


def find_kind(value: Secret) -> str:
    """Return the kind of a token by its prefix, empty when it has none that is known."""
    text = value.reveal()
    return next((kind for prefix, kind in GITHUB_KINDS.items() if text.startswith(prefix)), "")
