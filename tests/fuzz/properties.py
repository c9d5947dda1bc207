"""Properties: what must hold whatever somebody feeds to the agent.

`@fuzz(name=strategy, …)` makes a test of a function that checks one case. hypothesis makes the
cases; tests/fuzz/__main__.py lets a coverage-guided fuzzer make them, for the same functions.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

Check = Callable[..., None]
SHORT = 40
"""Cases of a property in `make test`, always the same ones."""


@dataclass(frozen=True)
class Property:
    """What must hold for every case."""

    check: Check
    strategies: dict[str, SearchStrategy[Any]]
    part: float
    """Its share of all cases; 1 for what is quick, less for what starts programs."""

    def count_of(self, cases: int, parts: float) -> int:
        """Return how many of all cases are its own; 0 cases in all: a short share."""
        return max(1, round(cases / parts * self.part if cases else SHORT * self.part))

    def hold(self, count: int, *, always_the_same: bool) -> None:
        """Try so many cases. Raises what the check raises for the smallest case that fails."""
        found = settings(
            max_examples=count,
            derandomize=always_the_same,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate, Phase.target, Phase.shrink),
            suppress_health_check=tuple(HealthCheck),
            print_blob=True,
        )
        found(self.given())()

    def given(self, check: Check | None = None) -> Any:
        """Return the check as hypothesis calls it, or another one of the same arguments."""
        return given(**self.strategies)(check or self.check)


def fuzz(part: float = 1.0, **strategies: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Make a test of a check; `hold` of tests/fuzz/conftest.py knows how many cases it tries."""

    def make(check: Check) -> Check:
        found = Property(check, strategies, part)

        def test(hold: Callable[[Property], None]) -> None:
            hold(found)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        test.__module__ = check.__module__
        setattr(test, "property", found)  # noqa: B010 - a function has no such field
        return test

    return make


MEMORY = "/dev/shm"
PLACE = "DEV8_FUZZ_FOLDER"
"""The variable that names where folders are made, for a process that cannot remove them itself."""


def make_folder() -> Path:
    """Return a new folder in memory, which is removed when all has ended."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ.get(PLACE, MEMORY)))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
