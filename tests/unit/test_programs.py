"""Programs that tests start."""

import signal

import pytest

from tests.worlds.programs import Awaited


def test_a_program_is_killed_where_its_test_fails() -> None:
    message = "the test has failed"
    with pytest.raises(AssertionError, match=message), Awaited[bytes](["sleep", "600"]) as program:
        raise AssertionError(message)
    assert program.returncode == -signal.SIGKILL


def test_a_program_whose_test_goes_well_is_waited_for() -> None:
    with Awaited[bytes](["true"]) as program:
        pass
    assert program.returncode == 0
