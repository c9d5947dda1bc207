"""How many cases each property tries: a short share in `make test`, a million in `make fuzz`."""

from collections.abc import Callable

import pytest

from tests.faults.tally import Tally
from tests.fuzz.properties import Property

PARTS = pytest.StashKey[float]()


def find_property(item: pytest.Item) -> Property | None:
    return getattr(getattr(item, "obj", None), "property", None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.stash[PARTS] = sum(found.part for item in items if (found := find_property(item)))


@pytest.fixture
def hold(request: pytest.FixtureRequest) -> Callable[[Property], None]:
    """Try the cases of a property."""
    cases = int(request.config.getoption("--fuzz-cases"))
    parts = request.config.stash[PARTS]

    def try_cases(found: Property) -> None:
        count = found.count_of(cases, parts)
        if not cases:
            found.hold(count, always_the_same=True)
            return
        tally = Tally(request.node.nodeid.removeprefix("tests/"), count)
        try:
            found.hold(count, always_the_same=False)
            tally.tried = count
        except BaseException as error:
            tally.count(f"{type(error).__name__}: {error}")
            raise
        finally:
            tally.write()

    return try_cases
