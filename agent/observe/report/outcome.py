"""What became of one report. Light."""

from enum import StrEnum


class Kind(StrEnum):
    """How it went."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The same report would be refused again."""
    FAILED = "failed"
    """It may work later."""


class Outcome:
    """How a report went, and if it did not go well, why."""

    def __init__(self, kind: Kind, problem: str = "", hint: str = "", pause: float = 0.0) -> None:
        self.kind = kind
        self.problem = problem
        """One line for a person, without a secret."""
        self.hint = hint
        self.pause = pause
        """Seconds for which the server does not want to hear of it, if it said so."""
