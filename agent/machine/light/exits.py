"""All exit codes of the container and of the `devcopilot` commands."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit code of a process of the agent; `doc` is its documentation."""

    doc: str

    def __new__(cls, value: int, doc: str) -> "Exit":
        """Make a member from its number and its documentation."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member

    OK = 0, "Success; for the container: it was asked to stop and shut down in order."
    FAILED = 1, "The command failed; the message says why. `health`: not healthy."
    USAGE = 2, "A variable or the command line is invalid; nothing was changed."
    SERVICE_FATAL = 70, "An essential service kept failing; the log says why."
    SUPERVISOR_LOST = 71, "supervisord exited unexpectedly; the services were stopped."
    INTERNAL = 72, "An internal error of the agent; please report it with the log."
    TIMED_OUT = 124, "`wait`: the time was over before it was done."
    NOT_EXECUTABLE = 126, "CMD was found but cannot be executed."
    NOT_FOUND = 127, "CMD was not found."


SIGNAL_BASE = 128
"""If signal N ends CMD, the container exits with SIGNAL_BASE + N, as in shells."""
