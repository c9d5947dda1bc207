"""The GitHub token of each host: never who it belongs to, nor what it may do."""

from agent.github.status import Row
from agent.observe.metrics.family import Family, Kind, Sample, labelled, moment
from agent.observe.status import Status


def find_rows(status: Status) -> list[tuple[str, Row]]:
    """Return the hosts."""
    return [(row.host, row) for row in status.tokens]


each = labelled("host", find_rows)
"""Makes what reads a value of each host, where it is known."""


def count_refreshes(status: Status) -> list[Sample]:
    """Return how many rounds of each result there were, of each host."""
    return [
        Sample(count, {"host": row.host, "result": result})
        for row in status.tokens
        for result, count in (("good", row.refreshes - row.failed), ("failed", row.failed))
    ]


FAMILIES = (
    Family[Status](
        "devcopilot_github_token_ok", Kind.GAUGE,
        "1 while a token is published and nothing is known to be wrong with it.",
        each(lambda row: row.good), ("host",),
    ),
    Family[Status](
        "devcopilot_github_token_expiry_timestamp_seconds", Kind.GAUGE,
        "When the token ends; missing if it has no known end.",
        each(lambda row: moment(row.expires)), ("host",),
    ),
    Family[Status](
        "devcopilot_github_token_checked_timestamp_seconds", Kind.GAUGE,
        "When GitHub last accepted the token.",
        each(lambda row: moment(row.checked)), ("host",),
    ),
    Family[Status](
        "devcopilot_github_refreshes_total", Kind.COUNTER,
        "Rounds of the refresh since the container was started, by result (good, failed).",
        count_refreshes, ("host", "result"),
    ),
)  # fmt: skip
