"""What a machine lacks: a test is skipped for it, and fails in CI; one function decides."""

from pathlib import Path

import pytest

from tests.worlds.needs import need

TESTS = Path(__file__).parents[1]
ASKS = 'environ.get("CI")'


def test_what_is_there_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    need("/usr/bin/program", "needs it")


@pytest.mark.parametrize(
    ("value", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)]
)
def test_what_is_missing_skips_a_test_and_fails_it_in_ci(
    monkeypatch: pytest.MonkeyPatch, value: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(outcome, match=r"^needs it"):
        need(None, "needs it")


def test_nobody_else_decides_that() -> None:
    asking = {path for path in TESTS.rglob("*.py") if ASKS in path.read_text()}
    assert asking - {Path(__file__)} == {TESTS / "worlds/needs.py"}
