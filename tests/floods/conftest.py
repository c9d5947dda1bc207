"""Strangers and floods, tried many times; `make floods` asks for them."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Login, login  # noqa: F401 - a fixture
from tests.faults.tally import counting, pytest_runtest_makereport  # noqa: F401 - for pytest
from tests.floods.boxes import Workspace, opened


@pytest.fixture(scope="module")
def workspace(login: Login) -> Iterator[Workspace]:  # noqa: F811
    with opened(login) as found:
        found.wait_calm()
        yield found
