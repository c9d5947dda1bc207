"""A token that can be used now, for a command that a person types."""

from agent.github import gh, published
from agent.github.helpers import ask
from agent.github.published import Published
from agent.github.renewal import make_renewals
from agent.github.token_fetch import MARGIN, Demand
from agent.machine.errors import AgentError, Problem
from agent.settings.context import Context


def find_fresh(current: Context, host: str) -> Published:
    """Return a token that can be used for a while. Raises AgentError when there is none."""
    facts = current.facts
    token = published.read_token(facts, host)
    if token and has_left(token, current, MARGIN) and not published.is_outdated(facts, host):
        return token
    renewal = make_renewals(current).get(host)
    if renewal is None:
        hint = "set a variable from `devcopilot settings`, or run: devcopilot login"
        raise AgentError(Problem(f"no token source is configured for {host}", hint))
    try:
        # The broker, since a token that can be made once must survive a ^C here.
        reason = ask.request_renewal(str(facts.runtime), host)
    except ask.NobodyError:
        renewal.answer(Demand())
        gh.sign_in(current)
        reason = None
    fresh = renewal.read()
    if fresh is None or not has_left(fresh, current, 0):
        known = reason or renewal.explain()
        raise AgentError(Problem(known or f"no usable token for {host}"))
    return fresh


def has_left(token: Published, current: Context, seconds: float) -> bool:
    """Tell whether the token lives for more than so many seconds."""
    left = token.left(current.facts.clock)
    return left is None or left > seconds
