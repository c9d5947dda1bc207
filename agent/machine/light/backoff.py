"""The pause after a failure: twice as long each time, up to a limit."""

MOST_DOUBLINGS = 30
"""More would only make a number for which no one waits."""


class Backoff:
    """Pauses that double."""

    def __init__(self, first: float, longest: float) -> None:
        """`first` and `longest` are seconds."""
        self.first = first
        self.longest = longest

    def pause(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row; after none, 0."""
        if failures < 1:
            return 0.0
        return float(min(self.first * 2 ** min(failures - 1, MOST_DOUBLINGS), self.longest))
