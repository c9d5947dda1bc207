"""Whether somebody or something is at work."""

from collections.abc import Callable

from agent.observe.activity.answer import Activity
from agent.observe.metrics.family import Family, Kind, Sample, moment, one
from agent.observe.status import Status


def value(find: Callable[[Activity], float | None]) -> Callable[[Status], list[Sample]]:
    """Return what reads one value, where it is known."""
    return lambda status: one(find(status.activity)) if status.activity else []


def find_signs(status: Status) -> list[Sample]:
    """Return when each signal was last seen that ever was."""
    signs = status.activity.signals if status.activity else ()
    return [
        Sample(seen, {"reason": sign.name})
        for sign in signs
        if (seen := moment(sign.last)) is not None
    ]


FAMILIES = (
    Family[Status](
        "devcopilot_active", Kind.GAUGE, "1 while the workspace counts as active.",
        value(lambda found: found.active),
    ),
    Family[Status](
        "devcopilot_last_activity_timestamp_seconds", Kind.GAUGE,
        "When each signal of activity was last seen, whether it counts or not.",
        find_signs, ("reason",),
    ),
    Family[Status](
        "devcopilot_idle_stop_timestamp_seconds", Kind.GAUGE,
        "When DEV8_IDLE_TIMEOUT is over if nothing happens; missing: it is not set.",
        value(lambda found: moment(found.stops)),
    ),
    Family[Status](
        "devcopilot_leases", Kind.GAUGE, "Leases of `devcopilot keep`.",
        value(lambda found: len(found.leases)),
    ),
    Family[Status](
        "devcopilot_editor_connections", Kind.GAUGE, "Connections to the editor.",
        value(lambda found: found.ide.connections),
    ),
    Family[Status](
        "devcopilot_ssh_connections", Kind.GAUGE, "Connections to sshd.",
        value(lambda found: found.ssh.connections),
    ),
)  # fmt: skip
