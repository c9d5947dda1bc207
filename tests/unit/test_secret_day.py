"""What `make faults` gives the workspaces in whose days it looks for secrets."""

from tests.faults.secret_day import GIFTS
from tests.worlds.secret_values import make_values


def test_each_secret_is_given_on_some_day() -> None:
    given = {name for gift in GIFTS for name in gift.values}
    assert given == set(make_values())
