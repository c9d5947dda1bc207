"""What every check of `doctor` must hold to; a newcomer to a room's list is tested."""

import re
from pathlib import Path

import pytest

from agent.catalogue import CHECKS
from agent.observe.doctor import GROUPS
from agent.settings.check import Check, Finding, Result
from tests.unit.test_english import BETTER

ROOT = Path(__file__).parents[2]


def test_names_are_unique_and_no_group_has_the_name_of_a_check() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
    assert not set(names) & {group.lower() for group in GROUPS}


def test_they_are_in_the_order_of_their_groups() -> None:
    places = [GROUPS.index(check.group) for check in CHECKS]
    assert places == sorted(places)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_it_can_be_typed_and_read(check: Check) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", check.name)
    assert re.fullmatch(r"[^\n|]{10,140}[^.\s]", check.purpose), "words without a full stop"
    assert not check.purpose[0].isupper() or check.purpose.split()[0].isupper()
    assert not any(re.search(rf"(?i)\b{phrase}\b", check.purpose) for phrase in BETTER)
    assert 0 < check.timeout <= 120


def make_anchors(page: str) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_what_it_refers_to_is_there(check: Check) -> None:
    page, _, anchor = check.documents.partition("#")
    assert page.startswith("docs/")
    text = (ROOT / page).read_text()
    assert not anchor or anchor in make_anchors(text)


@pytest.mark.parametrize("result", [Result.WARN, Result.FAIL])
def test_what_is_wrong_has_a_fix(result: Result) -> None:
    with pytest.raises(ValueError, match="without a fix"):
        Finding(result, "it is broken")
    assert Finding(result, "it is\nbroken", "mount\ta volume").summary == r"it is\nbroken"
