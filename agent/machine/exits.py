"""Exit codes of the container and of every `devcopilot` verb: the one list of them."""

from enum import IntEnum


class Exit(IntEnum):
    """What a process of the agent ends with; each member's `doc` is its documentation."""

    doc: str

    def __new__(cls, value: int, doc: str) -> "Exit":
        """Make a member from its number and its documentation."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    OK = 0, "Done; as the container's code: it was asked to stop and stopped in order."
    FAILED = 1, "The verb could not do its work; the message says why. `health`: not healthy."
    USAGE = 2, "A variable or the command line is wrong; nothing was changed."
    SERVICE_FATAL = 70, "An essential service could not be kept running; the log says why."
    SUPERVISOR_LOST = 71, "supervisord ended without being asked to; the services were stopped."
    INTERNAL = 72, "A fault in the agent itself; please report the log."
    NOT_EXECUTABLE = 126, "CMD was found but cannot be executed."
    NOT_FOUND = 127, "CMD was not found."


SIGNAL_BASE = 128
"""A CMD ended by signal N makes the container end with SIGNAL_BASE + N, as in shells."""
