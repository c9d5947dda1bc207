"""The renewals of this workspace's hosts, for the verbs that need a token now or keep it fresh."""

import argparse

from agent import catalogue, published, runtime
from agent.errors import AgentError, Problem
from agent.helpers import ask
from agent.hosts import find_accounts
from agent.plan import Ledger, apply, plan
from agent.published import Published
from agent.renewal.fetch import MARGIN, Demand
from agent.renewal.round import Renewal
from agent.sources import find_source
from agent.steps import git, github
from agent.system import System
from agent.texts import host_name
from agent.verbs.context import Context


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """Declare --host: a bare name, since it becomes the name of a file."""
    parser.add_argument(
        "--host", type=_read_host, help="the GitHub host; by default that of GH_HOST"
    )


def _read_host(text: str) -> str:
    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {error}") from None


def make_renewals(current: Context) -> dict[str, Renewal]:
    """Return host -> its renewal, for every host that has a source."""
    return {
        account.host: Renewal(account, source, current.facts)
        for account in find_accounts(current.settings, current.facts).known
        if (source := find_source(account, catalogue.TOKEN_SOURCES))
    }


def sign_in_gh(current: Context) -> tuple[Problem, ...]:
    """Bring gh's files up to date with what is published; return what was in the way."""
    facts = current.facts
    with runtime.hold_lock(str(facts.runtime / runtime.GH_LOCK)):
        planned = plan("gh", github.resources(current.settings, facts), facts, Ledger())
        return (*planned.problems, *apply(planned, System(facts.environ), Ledger()))


def settle_git(current: Context) -> None:
    """Bring git's defaults up to date with the rules that the user has in ~/.gitconfig by now.

    What is in the way was told at the start.
    """
    facts = current.facts
    planned = plan("git", git.resources(current.settings, facts), facts, Ledger())
    apply(planned, System(facts.environ), Ledger())


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
