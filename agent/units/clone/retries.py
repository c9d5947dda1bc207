"""How a unit reports a repository that could not be fetched, and when it tries again."""

from agent.machine.programs.git_failures import Cause, Failure, explain, explain_access
from agent.machine.system import Facts
from agent.units.clone.fetch import find_token
from agent.units.marks import IN_CONTAINER
from agent.units.unit import Unit

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until the next try where a host does not answer."""


def tell_failure(unit: Unit, failure: Failure, facts: Facts, host: str, path: str) -> None:
    """Report why `path` of a host could not be fetched: the network or a token may still come.

    Nobody waits for either where only a person asks for it.
    """
    if failure.cause is Cause.NETWORK:
        reason = f"{host} does not answer: {failure.said}"
        if unit.by_hand:
            unit.fail(reason, unit.again, failure.code)
        else:
            pause = unit.retry_in(FIRST_PAUSE, LONGEST_PAUSE)
            unit.wait(reason, f"next try in {pause:.0f} s")
    elif failure.cause.waits_for_token:
        reason, hint = explain_access(failure.cause, host, path)
        if unit.by_hand:
            unit.fail(reason, f"{hint}, then: {unit.again}", failure.code)
        else:
            unit.marks(IN_CONTAINER).set_done(find_token(facts, host))
            unit.wait(reason, hint)
    else:
        reason, hint = explain(failure, host, unit.again)
        unit.fail(reason, hint or f"devcopilot log {unit.name}", failure.code)


def was_refused(unit: Unit, facts: Facts, host: str) -> bool:
    """Return whether the present token was refused already: each is tried once."""
    return unit.marks(IN_CONTAINER).is_done(find_token(facts, host))
