"""Strangers and floods, tried many times; `make floods` asks for them."""

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Login, login  # noqa: F401 - a fixture
from tests.faults.tally import Tally, counting
from tests.floods.boxes import Workspace, opened


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Tally]]:
    """Return what counts the tries of a test: `tally(1000)` of a full run."""
    yield from counting(request)


@pytest.fixture(scope="module")
def workspace(login: Login) -> Iterator[Workspace]:  # noqa: F811
    with opened(login) as found:
        found.wait_calm()
        yield found
