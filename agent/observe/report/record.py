"""What is known of the reports: a file in the runtime folder. Light.

It begins anew with each life of the container, so a report that was refused is tried again then.
"""

import json

from agent.machine.light.files import STATE, read_file
from agent.machine.light.runtime import REPORT, write_atomic


class State:
    """What is known of the reports. Moments are RFC 3339 with nanoseconds; empty: never."""

    last_ide: str = ""
    """When somebody was last connected to the editor."""
    last_ssh: str = ""
    ide: int = -1
    """Connections to the editor that the last accepted report told of."""
    ssh: int = -1
    accepted: str = ""
    """When the last report was accepted."""
    accepted_at: float = 0.0
    """The same in seconds since the machine started: setting the clock does not change it."""
    attempted: str = ""
    """When the last report was sent."""
    failures: int = 0
    """Reports in a row that were not accepted."""
    retry_at: float = 0.0
    """When the next is due after a failure, in seconds since the machine started."""
    refused: str = ""
    """The key with which a report was refused, as `reporting.identify` has it; empty: none was."""
    problem: str = ""
    hint: str = ""

    def make_row(self) -> "dict[str, object]":
        """Return it as JSON takes it."""
        return {name: getattr(self, name) for name in FIELDS}


FIELDS = tuple(State.__annotations__)


def parse(row: object) -> State:
    """Return the state in a JSON document; what is of another kind counts for nothing."""
    state = State()
    for name in FIELDS:
        value = row.get(name) if isinstance(row, dict) else None
        if type(value) is type(getattr(State, name)):
            setattr(state, name, value)
    return state


def read(folder: str) -> State:
    """Return what the runtime folder holds; a damaged file counts as none."""
    try:
        return parse(json.loads(read_file(f"{folder}/{REPORT}", STATE)))
    except (OSError, ValueError, RecursionError):
        return State()


def write(folder: str, state: State) -> None:
    """Keep it. Raises OSError."""
    write_atomic(f"{folder}/{REPORT}", (json.dumps(state.make_row(), indent=1) + "\n").encode())
