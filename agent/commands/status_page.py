"""The page that `status` shows on a terminal, made from its document."""

from collections.abc import Iterator

from agent.commands.layout import Page
from agent.machine.clock import parse_time
from agent.machine.human import find_left, format_duration
from agent.machine.unit_record import find_open
from agent.observe.describe import (
    describe_backups,
    describe_problem,
    describe_report,
    describe_service,
    describe_tokens,
    describe_tool,
    describe_unit,
)
from agent.observe.status import Status
from agent.tools import rows

PHASES = {"starting": "idle", "ready": "good", "stopping": "warning"}


def make_page(status: Status) -> Page:
    """Return the page."""
    sections = [
        ("Services", [describe_service(row) for row in status.services]),
        ("Setup", [describe_unit(row) for row in rows.leave_out(find_open(status.units))]),
        ("GitHub", describe_tokens(status.tokens)),
        ("Backups", describe_backups(status.backups)),
        ("AI tools", [describe_tool(row) for row in status.tools]),
        ("Control plane", [describe_report(status.report)] if status.report else []),
        ("Problems", [describe_problem(row) for row in status.problems]),
    ]
    return Page(
        PHASES.get(status.phase, "warning"),
        " · ".join(describe_workspace(status)),
        [(title, items) for title, items in sections if items],
    )


def describe_workspace(status: Status) -> Iterator[str]:
    """Yield what there is to say of all of it."""
    why = status.stopping_because
    yield f"{status.workspace} is {status.phase}" + (f": {why}" if why else "")
    if started := parse_time(status.started):
        yield f"up {format_duration(-find_left(started))}"
    if ready := status.ready_seconds:
        yield f"ready after {ready:.1f} s"
    if status.page:
        yield f"page {status.page}"
