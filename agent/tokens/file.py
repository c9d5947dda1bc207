"""The token in the file that GITHUB_TOKEN_FILE names: read anew each time; it may appear late."""

from agent import published
from agent.errors import Problem
from agent.secret import Secret
from agent.settings import Settings
from agent.system import Facts
from agent.values import Token


def read(settings: Settings, facts: Facts) -> Token | Problem | None:
    """Return the token, what is wrong with the file, or None when no file is configured."""
    given = settings.github.token
    if given is None or given.file is None:
        return None
    found = facts.secret(given)
    if not isinstance(found, Secret):
        return found
    return published.make_token(found, settings.github.host, f"{given.variable}_FILE")
