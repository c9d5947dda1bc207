"""The token that the container was started with: GITHUB_TOKEN or GH_TOKEN itself."""

from agent.github.token import NO_LOGIN, Found, TokenSource, make_token
from agent.machine.system import Facts
from agent.settings.github import GitHub


def is_configured(account: GitHub) -> bool:
    """Tell whether a token was given, and not the text that stands for "no login"."""
    given = account.token.value if account.token else None
    return given is not None and given.reveal().strip() != NO_LOGIN


def fetch(account: GitHub, facts: Facts) -> Found:  # noqa: ARG001 - as all sources
    """Return the token, or what is wrong with it."""
    given = account.token
    if given is None or given.value is None:
        return None
    return make_token(given.value, account.host, given.variable)


SOURCE = TokenSource("environment", is_configured, fetch)
