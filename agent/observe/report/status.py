"""How the reports stand, for `status`, the page and programs."""

from urllib.parse import urlsplit

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.clock import parse_time, timestamp
from agent.machine.records.documents import RUNTIME, Document
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.observe.report import record, rules
from agent.observe.report.record import State

STATE = Document[State](
    RUNTIME, runtime.REPORT, "reports to the control plane: the last one, and what was refused",
    record.parse, State, dump=State.make_row,
)  # fmt: skip


@frozen
class Row:
    """How the reports stand. Times are RFC 3339, in UTC; None: never."""

    url: str
    """Where they go, without a query."""
    accepted: str | None
    """When the last one was accepted."""
    attempted: str | None
    """When the last one was sent."""
    failures: int
    """How many in a row were not accepted."""
    next: str | None
    """When the next is sent after a failure; None: as usual, or when something changes."""
    refused: bool
    """Whether the same would be refused again, so that nothing is sent."""
    problem: str
    hint: str


def find_row(facts: Facts) -> Row | None:
    """Return how the reports stand; None: none are sent."""
    wanted = rules.read(str(facts.runtime))
    if wanted is None:
        return None
    known, parts = STATE.read(facts), urlsplit(wanted.url)
    waits = known.failures and not known.refused
    left = known.retry_at - facts.clock.uptime()
    due = facts.clock.now().timestamp() + max(left, 0.0)
    return Row(
        url=f"{parts.scheme}://{parts.netloc}{parts.path}",
        accepted=_find_time(known.accepted),
        attempted=_find_time(known.attempted),
        failures=known.failures,
        next=timestamp(due, digits=0) if waits else None,
        refused=bool(known.refused),
        problem=known.problem,
        hint=known.hint,
    )


def find_problem(row: Row | None) -> Problem | None:
    """Return why the control plane hears nothing."""
    return Problem(row.problem, row.hint) if row and row.problem else None


def _find_time(text: str) -> str | None:
    """Return a moment of the file to the second, if it is one."""
    found = parse_time(text)
    return timestamp(found.timestamp(), digits=0) if found else None
