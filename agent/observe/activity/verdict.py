"""Why the workspace goes on, and when it would stop, as one sentence. Light."""

from agent.machine.light.human import format_clock, format_duration
from agent.observe.activity.moment import Moment
from agent.observe.activity.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FRESH = 300.0
"""Seconds after the last sign for which the workspace counts as active."""
NOW = 15.0
"""A sign that is no older is called present."""

ENDS = {
    "report": "It will count as idle {moment}, after {timeout} without a sign.",
    "exit": "It would stop {moment}, after {timeout} without a sign.",
}
COMMAND = "DEV8_IDLE_ACTION would run {moment}, after {timeout} without a sign."


class Verdict:
    """What all signals together mean."""

    __slots__ = ("active", "last", "reason", "stops")

    def __init__(self, active: bool, last: float, reason: str, stops: float | None) -> None:
        self.active = active
        self.last = last
        """The last sign that counts, in seconds since the machine started."""
        self.reason = reason
        """One or two sentences."""
        self.stops = stops
        """When DEV8_IDLE_TIMEOUT is over; None: it is not set."""


def find(
    rules: Rules,
    now: Moment,
    begin: float,
    sign: "tuple[float, str] | None",
    held: "Sequence[float]" = (),
) -> Verdict:
    """Return the verdict on the last sign, its moment and what it was; None: there is none yet.

    `begin`: when the workspace started, or began to be watched anew. `held`: until when each
    lease is certain to hold it.
    """
    last, detail = sign if sign and sign[0] > begin else (begin, "")
    age = max(0.0, now.boot - last)
    window = min(FRESH, rules.timeout) if rules.timeout else FRESH
    stops = max([last, *held]) + rules.timeout if rules.timeout else None
    active = age <= window
    since = f"{format_duration(age)} ago"
    if detail:
        what = detail if active and age < NOW else f"{detail} {since}"
        words = f"Active: {what}." if active else f"Idle for {format_duration(age)}: last, {what}."
    elif active:
        words = f"Active: it started {since}."
    else:
        words = f"Idle for {format_duration(age)}: nobody has used it since it started."
    return Verdict(active, last, f"{words} {tell_end(rules, now, stops)}", stops)


def tell_end(rules: Rules, now: Moment, stops: float | None) -> str:
    """Return the sentence about what comes."""
    if stops is None or rules.timeout is None:
        return "Nothing stops it when it is idle (DEV8_IDLE_TIMEOUT is not set)."
    timeout = format_duration(rules.timeout)
    left = stops - now.boot
    moment = "at any moment"
    if left > 0:
        clock = format_clock(now.wall + left, now.wall)
        moment = f"in {format_duration(left)} ({clock})"
    sentence = COMMAND if rules.has_command else ENDS[rules.action[0]]
    return sentence.format(moment=moment, timeout=timeout)
