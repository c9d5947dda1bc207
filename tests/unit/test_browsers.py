"""A browser that stays for several tests: one visit that fails is no end of the others."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.worlds.browsers import Browser

LOOK = """
echo open >>"$1/opened"
while read -r line; do
    case $line in *fail*) echo "no such button" >&2; exit 1 ;; esac
    echo '[{"text": "here"}]'
done
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with closing(Browser(("sh", "-c", LOOK, "sh", str(tmp_path)), tmp_path, "none")) as one:
        yield one


def count_opened(folder: Path) -> int:
    return len((folder / "opened").read_text().split())


def test_visits_share_a_browser(browser: Browser, tmp_path: Path) -> None:
    assert browser.visit(["look", "one"]) == [{"text": "here"}]
    assert browser.go_on(["look", "two"]) == [{"text": "here"}]
    assert browser.visit(["look", "three"]) == [{"text": "here"}]
    assert count_opened(tmp_path) == 1


def test_after_a_visit_that_failed_the_next_one_opens_it_anew(
    browser: Browser, tmp_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(AssertionError, match="no such button"):
            browser.visit(["fail"])
        with pytest.raises(AssertionError, match="there is no page"):
            browser.go_on(["look", "one"])
    assert browser.visit(["look", "two"]) == [{"text": "here"}]
    assert count_opened(tmp_path) == 3


def test_one_that_ended_between_two_visits_says_why(tmp_path: Path) -> None:
    """It reads nothing any more when it is asked."""
    script = """IFS= read -r line; echo '[]'; exec <&-; echo "the page has crashed" >&2"""
    with closing(Browser(("sh", "-c", script), tmp_path, "none")) as one:
        assert one.visit(["look", "one"]) == []
        with pytest.raises(AssertionError, match="the page has crashed"):
            one.go_on(["look", "two"])
