"""A fault of our own is described by a line of ours, and without its text."""

import re
from datetime import UTC, datetime

from agent.github import api
from agent.machine.light import faults


class Broken(dict[str, str]):
    """Headers that cannot be read."""

    def get(self, *_: object) -> str:
        raise KeyError("ghp_secret0123456789")


def test_the_line_is_the_innermost_of_ours_in_any_room() -> None:
    try:
        api.find_delay(500, Broken(), datetime.now(UTC))
    except KeyError as error:
        said = faults.describe(error)
    assert re.fullmatch(r"KeyError at .*/agent/github/api\.py:\d+", said)
