"""How many lines of the log were lost; `agent.init.logger.losses` counts them."""

from typing import Any

from agent.machine.light import runtime
from agent.machine.records.documents import RUNTIME, Document


def parse(rows: dict[str, Any]) -> dict[str, int]:
    """Return stream -> lines; what is no number counts for nothing."""
    return {name: count for name, count in rows.items() if type(count) is int and count >= 0}


FILE = Document[dict[str, int]](
    RUNTIME, f"{runtime.LOG}/lost.json", "lines of each stream of the log that were lost",
    parse, dict,
)  # fmt: skip
