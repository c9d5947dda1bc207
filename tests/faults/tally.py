"""How often a fault was tried, and how often it did harm: kept for docs/guarantees.md."""

import fcntl
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")
RECORD = Path(__file__).resolve().parents[2] / "docs/tried.json"
"""TEST -> {"tried", "failed", "date"}, of the largest run or the last that failed.

`scripts/documents.py` makes the table of docs/guarantees.md from it.
"""
PASSED = pytest.StashKey[bool]()
"""Of a test that has come to its end, which one that is interrupted never does."""
AT_ONCE = 3
"""Lives of one test side by side: most of their time they wait."""


@dataclass
class Tally:
    """The tries of one test; several threads may count."""

    name: str
    wanted: int
    tried: int = 0
    failures: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def tries(self) -> "range":
        """Return the numbers of the tries."""
        return range(self.wanted)

    def count(self, failure: str = "") -> None:
        """Count one try; the failure says what was wrong."""
        with self._lock:
            self.tried += 1
            if failure:
                self.failures.append(failure)
                print(f"{self.name}: try {self.tried}: {failure}", flush=True)

    def spread(self, attempt: Callable[[T], str], cases: Iterable[T]) -> None:
        """Try each case, some side by side; an attempt returns what was wrong, or raises."""

        def try_one(case: T) -> None:
            try:
                failure = attempt(case)
            except Exception as error:
                failure = f"{type(error).__name__}: {error}"
            self.count(failure)

        rest = deque(cases)

        def try_some() -> None:
            with suppress(IndexError):
                while True:
                    try_one(rest.popleft())

        # Daemons: an interrupted run waits for none of them, and what they have started is bound.
        threads = [threading.Thread(target=try_some, daemon=True) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            rest.clear()

    def check(self, *, at_most: int = 0) -> None:
        """Fail where too many tries did."""
        assert len(self.failures) <= at_most, self.failures[:10]

    def write(self) -> None:
        """Print the counts, and keep them if this was the largest run so far, or one failed."""
        print(f"{self.name}: {self.tried} tried, {len(self.failures)} failed", flush=True)
        with RECORD.parent.joinpath("README.md").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # several workers count at once
            self._keep()

    def _keep(self) -> None:
        record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        before = record.get(self.name, {"tried": 0, "failed": 0})
        counts = self.tried >= before["tried"] or before["failed"]
        if self.failures or (self.tried and counts):
            record[self.name] = {
                "tried": self.tried, "failed": len(self.failures),
                "date": time.strftime("%Y-%m-%d", time.gmtime()),
            }  # fmt: skip
            RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note whether a test has passed, for whoever counts its tries."""
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(name="tally")
def counting(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Tally]]:
    """Return what counts the tries of a test: `tally(1000)` of a full run; write it at the end.

    What a test judges only after all tries is one of them where it fails. One that is interrupted
    has judged nothing: it is not written.
    """
    share = request.config.getoption("--times")
    name = request.node.nodeid.removeprefix("tests/")
    made: list[Tally] = []

    def make(full: int) -> Tally:
        made.append(Tally(name, max(1, round(full * share))))
        return made[-1]

    yield make
    passed = request.node.stash.get(PASSED, None)
    for tally in made if passed is not None else ():
        if not passed and not tally.failures:
            tally.failures.append("what was judged after all tries")
        tally.write()
