"""Tokens of a user's login to a GitHub App: 8 hours each, with a refresh token that works once.

The pair before it dies the moment a new one is made, so the new refresh token is kept on disk
before anything else happens, and one that GitHub has refused is never sent again.
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from agent.github import api
from agent.github.api import Answer, NoAnswerError
from agent.github.record import fingerprint
from agent.github.token import Failure, Found, Token, TokenSource, make_token
from agent.machine.errors import Problem
from agent.machine.records.documents import HOST, STATE, Document, fill
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub

LEAD = 30 * 60.0
"""Seconds before its end that a token is made anew."""
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM}
"""Signals that would end us, or the wait for an answer."""


@frozen
class Kept:
    """The refresh token that follows the given one."""

    seed: str = ""
    """`fingerprint` of GITHUB_REFRESH_TOKEN."""
    token: str | None = None
    """None once GitHub has refused it."""


KEPT = Document(
    STATE,
    f"github-refresh/{HOST}",
    "the next refresh token (0600)",
    partial(fill, Kept),
    Kept,
    durable=True,
)


def is_configured(account: GitHub) -> bool:
    """Tell whether a refresh token is given."""
    return account.refresh_token is not None


def fetch(account: GitHub, facts: Facts) -> Found:
    """Use the refresh token for a new pair."""
    given, client_secret = facts.secret(account.refresh_token), facts.secret(account.client_secret)
    for secret in (given, client_secret):
        if isinstance(secret, Problem):
            return Failure(secret)
    if not isinstance(given, Secret) or not isinstance(client_secret, Secret):
        return None
    try:
        kept = _read_kept(account, facts, given)
        if kept is None:
            return _needs_login(account, "it has already been used")
        _keep(account, facts, given, kept)  # here and not later: is there room for what follows?
        form = {
            "client_id": account.client_id or "",
            "client_secret": client_secret.reveal(),
            "grant_type": "refresh_token",
            "refresh_token": kept,
        }
        url = f"{api.find_web_url(account)}/login/oauth/access_token"
        with undisturbed():
            return _read_pair(account, facts, given, api.post_form(facts, url, form))
    except NoAnswerError as error:
        message = f"cannot renew the token of {account.host}: {error.reason}"
        return Failure(Problem(message), error.retry_after)
    except OSError as error:
        # Without a place for the next refresh token the login would be lost at the next start.
        path = KEPT.path(facts, account.host)
        words = f"cannot keep the refresh token in {path}: {error.strerror}"
        return Failure(Problem(words, "make the state folder writable"))


SOURCE = TokenSource("user's refresh token", is_configured, fetch, lead=LEAD, replaces=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals wait until the new pair is kept: the old one is used up.

    In a thread they are the main thread's matter.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _read_pair(account: GitHub, facts: Facts, seed: Secret, answer: Answer) -> Found:
    document = answer.document
    value, following = document.get("access_token"), document.get("refresh_token")
    if document.get("error") == "bad_refresh_token":
        _keep(account, facts, seed, None)
        return _needs_login(account, "GitHub refuses the refresh token")
    if document.get("error"):
        return Failure(
            Problem(
                f"cannot renew the token of {account.host}: GitHub says {answer.message}",
                "fix GITHUB_APP_CLIENT_ID and GITHUB_APP_CLIENT_SECRET",
            )
        )
    if not isinstance(value, str) or not isinstance(following, str):
        raise NoAnswerError("the response contains no token")
    with suppress(OSError):  # there was room a moment ago; the token itself is good for hours
        _keep(account, facts, seed, following)
    expires = find_end(facts, document.get("expires_in"))
    made = make_token(Secret(value), account.host, "GITHUB_REFRESH_TOKEN", hint="")
    return replace(made, expires=expires) if isinstance(made, Token) else made


def find_end(facts: Facts, seconds: Any) -> datetime | None:
    """Return when a token ends that lives for so many seconds; None: no time that a clock shows."""
    try:
        return facts.clock.now() + timedelta(seconds=float(seconds))
    except (TypeError, ValueError, OverflowError):
        return None


def _needs_login(account: GitHub, cause: str) -> Failure:
    return Failure(
        Problem(
            f"cannot renew the token of {account.host}: {cause}; a new login is needed",
            "set a new GITHUB_REFRESH_TOKEN, or run: devcopilot login",
        )
    )


# --- the refresh token that follows -----------------------------------------------------------


def _read_kept(account: GitHub, facts: Facts, seed: Secret) -> str | None:
    """Return the refresh token to use: the given one until it was followed by another."""
    kept = KEPT.decode(KEPT.load(facts, account.host))
    return kept.token if kept.seed == fingerprint(seed) else seed.reveal()  # a new login


def _keep(account: GitHub, facts: Facts, seed: Secret, following: str | None) -> None:
    KEPT.write(facts, Kept(fingerprint(seed), following), account.host)
