"""The token that a control plane hands out at DEV8_GITHUB_TOKEN_URL, for a bearer token."""

from agent.github import api
from agent.github.api import NoAnswerError
from agent.github.token import Failure, Found, TokenSource, read_answer
from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.settings.github import GitHub

LEAD = 10 * 60.0
"""Seconds before its end that a token is asked for anew."""
NAME = "DEV8_GITHUB_TOKEN_URL"


def is_configured(account: GitHub) -> bool:
    """Tell whether there is a URL."""
    return account.token_url is not None


def fetch(account: GitHub, facts: Facts) -> Found:
    """Get the token."""
    bearer = facts.secret(account.token_url_bearer)
    if isinstance(bearer, Problem):
        return Failure(bearer)
    try:
        answer = api.get_text(facts, account.token_url or "", bearer.reveal() if bearer else None)
    except NoAnswerError as error:
        message = f"cannot get a token for {account.host}: {error.reason}"
        return Failure(Problem(message, f"fix {NAME}"), error.retry_after)
    if answer.status != 200:
        return Failure(
            Problem(
                f"cannot get a token for {account.host}: {NAME} answered with status "
                f"{answer.status}",
                f"fix {NAME} or DEV8_GITHUB_TOKEN_URL_BEARER",
            )
        )
    return read_answer(answer.text, account.host, NAME, answer.skew)


SOURCE = TokenSource("URL", is_configured, fetch, lead=LEAD)
