"""The activity as the rest of the agent reads it."""

from collections.abc import Mapping
from typing import Any

from agent.machine.records.documents import DAMAGE, RUNTIME, Document
from agent.machine.values import frozen
from agent.observe.activity import sample
from agent.settings.context import Context


@frozen
class Sign:
    """What one signal says."""

    name: str
    last: str | None
    """When it was seen last: RFC 3339."""
    detail: str
    """What was seen then."""
    counts: bool
    """Whether such a sign keeps this workspace running."""
    why: str
    """Why nothing counts now."""


@frozen
class Lease:
    """One lease of `devcopilot keep`."""

    name: str
    until: str
    why: str
    pid: int | None


@frozen
class Connections:
    """Connections to one port."""

    connections: int
    last: str | None
    """When there was one last."""


@frozen
class Activity:
    """The activity of a workspace at one moment; times are RFC 3339."""

    at: str
    active: bool
    reason: str
    """Why it goes on, and when it would stop: one or two sentences."""
    last: str
    """The last sign that counts."""
    stops: str | None
    """When DEV8_IDLE_TIMEOUT is over; None: it is not set."""
    holds: tuple[str, ...]
    """What delays a stop at this moment."""
    signals: tuple[Sign, ...]
    leases: tuple[Lease, ...]
    ide: Connections
    """To the port of code-server."""
    ssh: Connections
    """To the port of sshd."""


def parse(rows: Mapping[str, Any]) -> Activity:
    """Return the activity that a document holds."""
    return Activity(
        at=rows["at"],
        active=rows["active"],
        reason=rows["reason"],
        last=rows["last"],
        stops=rows["stops"],
        holds=tuple(rows["holds"]),
        signals=tuple(Sign(**row) for row in rows["signals"]),
        leases=tuple(Lease(**row) for row in rows["leases"]),
        ide=Connections(**rows["ide"]),
        ssh=Connections(**rows["ssh"]),
    )


FILE = Document[Activity](
    RUNTIME, sample.FILE, "what counts as use of the workspace, as of the last sample", parse
)
"""`devcopilot activity` prints the same."""


def find(current: Context, younger_than: float) -> Activity:
    """Return the activity; see `agent.observe.activity.sample.find`."""
    folder = str(current.facts.runtime)
    try:
        return parse(sample.find(folder, younger_than))
    except DAMAGE:
        return parse(sample.find(folder, 0.0))
