"""Whether somebody or something is at work in the workspace, and why."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.observe.activity.answer import Activity
    from agent.settings.context import Context

INTERVAL = 30.0
"""Seconds between two samples, where a job takes them."""


def find(current: "Context", younger_than: float = INTERVAL) -> "Activity":
    """Return the activity as it was less than so many seconds ago, or is now. Raises OSError."""
    from agent.observe.activity import answer  # noqa: PLC0415 - the sampler is light

    return answer.find(current, younger_than)
