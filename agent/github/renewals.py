"""The renewals of this workspace's hosts, for the verbs that need a token now or keep it fresh."""

from agent.github import gh, published
from agent.github.fetch import MARGIN, Demand
from agent.github.helpers import ask
from agent.github.hosts import find_accounts
from agent.github.published import Published
from agent.github.renewal import Renewal
from agent.github.sources.all import SOURCES
from agent.github.token import find_source
from agent.machine import runtime
from agent.machine.errors import AgentError, Problem
from agent.machine.plan import Ledger, apply, plan
from agent.machine.system import System
from agent.settings.context import Context


def make_renewals(current: Context) -> dict[str, Renewal]:
    """Return host -> its renewal, for every host that has a source."""
    return {
        account.host: Renewal(account, source, current.facts)
        for account in current.once(find_accounts).known
        if (source := find_source(account, SOURCES))
    }


def sign_in_gh(current: Context) -> tuple[Problem, ...]:
    """Bring gh's files up to date with what is published; return what was in the way."""
    facts = current.facts
    with runtime.hold_lock(str(facts.runtime / runtime.GH_LOCK)):
        planned = plan("gh", gh.resources(current), facts, Ledger())
        return (*planned.problems, *apply(planned, System(facts.environ), Ledger()))


def find_fresh(current: Context, host: str) -> Published:
    """Return a token that can be used for a while. Raises AgentError when there is none."""
    facts = current.facts
    token = published.read_token(facts, host)
    if token and has_left(token, current, MARGIN) and not published.is_outdated(facts, host):
        return token
    renewal = make_renewals(current).get(host)
    if renewal is None:
        hint = "`devcopilot settings` lists the variables that name one; or run: devcopilot login"
        raise AgentError(Problem(f"no token source is configured for {host}", hint))
    try:
        # The broker, since a token that can be made once must survive a ^C here.
        reason = ask.request_renewal(str(facts.runtime), host)
    except ask.NobodyError:
        renewal.answer(Demand())
        sign_in_gh(current)
        reason = None
    fresh = renewal.read()
    if fresh is None or not has_left(fresh, current, 0):
        known = reason or renewal.explain()
        raise AgentError(Problem(known or f"there is no token for {host} that can be used"))
    return fresh


def has_left(token: Published, current: Context, seconds: float) -> bool:
    """Tell whether the token lives for more than so many seconds."""
    left = token.left(current.facts.clock)
    return left is None or left > seconds
