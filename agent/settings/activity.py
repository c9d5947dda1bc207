"""When the workspace counts as idle, and what happens then. To add a variable, add a field."""

from agent.machine.values import frozen
from agent.settings.parsers import duration, idle_action, positive_duration, switch
from agent.settings.variable import variable

SHORTEST_TIMEOUT = 300.0
"""Seconds: below that whoever thinks before typing is idle."""


def idle_timeout(value: str) -> float | None:
    """Read after how long a workspace is idle, or off (None)."""
    if value.lower() in ("off", "0"):
        return None
    try:
        seconds = duration(value)
    except ValueError:
        seconds = 0.0
    if seconds < SHORTEST_TIMEOUT:
        raise ValueError("a duration from 5m to 8784h, such as 30m or 2h, or off")
    return seconds


@frozen
class Activity:
    """Activity."""

    idle_timeout: float | None = variable(
        "DEV8_IDLE_TIMEOUT",
        idle_timeout,
        "How long after the last sign of use the workspace counts as idle (at least 5m), or off. "
        "`devcopilot activity` shows all signs.",
        default="off",
    )
    idle_action: tuple[str, ...] = variable(
        "DEV8_IDLE_ACTION",
        idle_action,
        "What happens then: report (log it), exit (final hooks and backup, then the container "
        "ends with 0), or a command. Terminals are warned 10 and 2 minutes before.",
        default="report",
    )
    job_max: float = variable(
        "DEV8_ACTIVITY_JOB_MAX",
        positive_duration,
        "How long programs alone keep the workspace in use after the last sign of a person.",
        default="6h",
    )
    tabs: bool = variable(
        "DEV8_ACTIVITY_TABS",
        switch,
        "Whether an open tab of the editor counts as use.",
        default="false",
    )
    keep_max: float = variable(
        "DEV8_KEEP_MAX",
        positive_duration,
        "How long `devcopilot keep` can keep the workspace in use at most.",
        default="24h",
    )
