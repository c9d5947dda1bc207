"""Faults, each repeated until it is statistics; `make faults` asks for them."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.lives import Ground, laid_ground
from tests.faults.tally import Tally


@pytest.fixture
def ground() -> Iterator[Ground]:
    with laid_ground() as ground:
        yield ground


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Tally]]:
    """Return what counts the tries of a test: `tally(1000)` of a full run."""
    share = request.config.getoption("--times")
    name = request.node.nodeid.removeprefix("tests/")
    made: list[Tally] = []

    def make(full: int) -> Tally:
        made.append(Tally(name, max(1, round(full * share))))
        return made[-1]

    yield make
    for tally in made:
        tally.write()
