"""Whether the control plane takes the reports. It sends none: the last one tells."""

from collections.abc import Iterator

from agent.machine.light.clock import parse_time
from agent.machine.light.human import format_age
from agent.observe.report import status
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

WAIT = "ask whoever runs the control plane; the report is tried again without your help"


def look(current: Context) -> Iterator[Finding]:
    """Yield how the reports stand."""
    row = status.find_row(current.facts)
    if row is None:
        yield Finding(Result.SKIPPED, "no control plane is configured")
        return
    facts = {"url": row.url, "accepted": row.accepted, "failures": row.failures}
    accepted = parse_time(row.accepted or "")
    if row.problem:
        yield Finding(Result.FAIL, row.problem, row.hint or WAIT, facts)
    elif accepted:
        summary = f"the control plane accepted a report {format_age(accepted)}"
        yield Finding(Result.OK, summary, facts=facts)
    else:
        yield Finding(Result.UNKNOWN, "no report has been answered yet", facts=facts)


CHECK = Check(
    "control-plane", "Network", "whether the control plane accepts the reports", look,
    documents="docs/control-plane.md",
)  # fmt: skip
