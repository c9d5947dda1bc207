"""What CONTRIBUTING.md says of the code is so: the floors, and each place to add a thing."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.test_architecture import APART, FLOORS, ROOT, find_modules

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
ROOMS = {name for names in FLOORS for name in names}


def read_table(*titles: str) -> list[list[str]]:
    """Return the cells of the rows below these titles."""
    lines = TEXT.split("\n")
    first = lines.index(f"| {' | '.join(titles)} |") + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def find_words(cell: str) -> list[str]:
    """Return what a cell names in code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```.*?^```$", "", cell))


def test_the_table_of_floors_is_the_one_that_is_enforced() -> None:
    rows = read_table("floor", "room", "what")
    shown = {room.strip("`/"): floor for floor, room, _ in rows}
    wanted = {room: str(number) for number, rooms in enumerate(FLOORS, 1) for room in rooms}
    assert shown == {**wanted, APART: ""}
    numbers = [int(floor) for floor, _, _ in rows if floor]
    assert all(above >= below for above, below in pairwise(numbers)), "the top comes first"


def test_the_picture_of_the_architecture_has_each_room() -> None:
    picture = (ROOT / "docs/architecture.md").read_text()
    assert set(re.findall(r'\["(\w+)/:', picture)) == {*ROOMS, APART}


ADDED = read_table("to add", "write", "add its name to")


@pytest.mark.parametrize("row", ADDED, ids=[row[0] for row in ADDED])
def test_each_list_has_the_name_that_is_said(row: list[str]) -> None:
    *names, path = find_words(row[2])
    text = (ROOT / path.replace("ROOM", "github")).read_text()
    assert [name for name in names if f"\n{name}" not in text] == []


def find_files(path: str) -> list[Path]:
    """Return what a path means; NAME and ROOM stand for any."""
    return list(ROOT.glob(re.sub("NAME|ROOM", "*", path.rstrip("/"))))


PATHS = sorted(
    word for word in set(find_words(TEXT)) if re.match(r"(agent|tests|docker|docs|scripts)/", word)
)


@pytest.mark.parametrize("path", PATHS)
def test_each_file_that_is_named_exists(path: str) -> None:
    """Of a file to write there is one to look at already."""
    assert find_files(path)


def test_the_files_of_the_contract_tests_exist() -> None:
    """They are named without their folder, after the first of their row."""
    found = {word for word in find_words(TEXT) if re.fullmatch(r"\w+\.py", word)} - {"kind.py"}
    assert "box.py" in found
    assert {name for name in found if not (ROOT / "tests/contract" / name).exists()} == set()


PAST = {"migration.md", "upgrading.md"}
"""They name files of earlier versions as well."""
DOCUMENTS = [path for path in (ROOT / "docs").rglob("*.md") if path.name not in PAST]


@pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])
def test_documents_name_files_that_exist(path: Path) -> None:
    """Those of tests are named below tests/."""
    words = find_words(path.read_text())
    named = [word for word in words if re.match(r"(agent|tests|docker|docs|scripts)/\S+$", word)]
    tests = [word for word in words if re.match(r"\w+/test_\w+\.py$", word)]
    missing = {word for word in named if not find_files(word)}
    assert missing | {word for word in tests if not (ROOT / "tests" / word).exists()} == set()


def test_each_room_says_what_it_is() -> None:
    for room in {*ROOMS, APART}:
        assert find_modules()[room].read_text().startswith('"""'), room
