"""Faults, each repeated until it is statistics; `make faults` asks for them."""

from collections.abc import Iterator

import pytest

from tests.faults.lives import Ground, laid_ground
from tests.faults.tally import counting, pytest_runtest_makereport  # noqa: F401 - for pytest


@pytest.fixture
def ground() -> Iterator[Ground]:
    with laid_ground() as ground:
        yield ground
