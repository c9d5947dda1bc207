"""Faults, each repeated until it is statistics; `make faults` asks for them."""

from collections.abc import Callable, Iterator

import pytest

from tests.faults.lives import Ground, laid_ground
from tests.faults.tally import Tally, counting


@pytest.fixture
def ground() -> Iterator[Ground]:
    with laid_ground() as ground:
        yield ground


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Tally]]:
    """Return what counts the tries of a test: `tally(1000)` of a full run."""
    yield from counting(request)
