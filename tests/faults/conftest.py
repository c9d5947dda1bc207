"""Faults, each repeated until it is statistics; `make faults` asks for them."""

from collections.abc import Iterator

import pytest

from tests.faults.lives import Ground, laid_ground
from tests.faults.tally import counting  # noqa: F401 - a fixture


@pytest.fixture
def ground() -> Iterator[Ground]:
    with laid_ground() as ground:
        yield ground
