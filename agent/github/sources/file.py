"""The token in the file that GITHUB_TOKEN_FILE names: read anew each time; it may appear late."""

from agent.github.token import Failure, Found, TokenSource, make_token
from agent.machine.errors import Problem
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.github import GitHub


def is_configured(account: GitHub) -> bool:
    """Tell whether a file is named; whether it is there does not matter."""
    return account.token is not None and account.token.file is not None


def fetch(account: GitHub, facts: Facts) -> Found:
    """Return the token, or what is wrong with the file."""
    found = facts.secret(account.token)
    if isinstance(found, Problem):
        return Failure(found)
    if found is None or account.token is None:
        return None
    return make_token(Secret(found.reveal()), account.host, f"{account.token.variable}_FILE")


SOURCE = TokenSource("token file", is_configured, fetch)
