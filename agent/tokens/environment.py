"""The token that the container was started with: GITHUB_TOKEN or GH_TOKEN itself."""

from agent import published
from agent.errors import Problem
from agent.settings import Settings
from agent.system import Facts
from agent.values import Token


def read(settings: Settings, facts: Facts) -> Token | Problem | None:  # noqa: ARG001 - as all sources
    """Return the token, what is wrong with it, or None when none was given."""
    given = settings.github.token
    if given is None or given.value is None:
        return None
    return published.make_token(given.value, settings.github.host, given.variable)
