"""Whether the control plane accepts the reports; without one there is nothing to tell."""

from collections.abc import Callable

from agent.observe.metrics.family import Family, Kind, Sample, moment, one
from agent.observe.report.status import Row
from agent.observe.status import Status


def value(find: Callable[[Row], float | None]) -> Callable[[Status], list[Sample]]:
    """Return what reads one value, where reports are sent."""
    return lambda status: one(find(status.report)) if status.report else []


FAMILIES = (
    Family[Status](
        "devcopilot_report_accepted_timestamp_seconds", Kind.GAUGE,
        "When the control plane last accepted a report; missing: it never has.",
        value(lambda row: moment(row.accepted)),
    ),
    Family[Status](
        "devcopilot_report_failures", Kind.GAUGE,
        "Reports to the control plane in a row that were not accepted.",
        value(lambda row: row.failures),
    ),
)  # fmt: skip
