"""The documentation is written from the declarations, and stays in step with them."""

import json
from pathlib import Path

import pytest

from agent import __main__ as command
from agent import reference
from agent.exits import Exit
from agent.settings import variables
from agent.verbs.settings import DOCUMENTS, fill_in

ROOT = Path(__file__).parent.parent.parent
MARKED = "before\n<!-- begin: exit codes -->\nold\n<!-- end: exit codes -->\nafter\n"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_documentation_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "<!-- begin: " in text
    assert fill_in(text) == text


def test_every_part_stands_in_some_document() -> None:
    texts = "".join((ROOT / name).read_text() for name in DOCUMENTS)
    for name in reference.sections():
        assert f"<!-- begin: {name} -->" in texts
        assert f"<!-- end: {name} -->" in texts


def test_text_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["settings"]) == 0
    text = capsys.readouterr().out
    for _, entry in variables():
        assert all(name in text for name in entry.names)
    assert all(str(int(code)) in text for code in Exit)
    assert max(map(len, text.splitlines())) <= 100


def test_json_holds_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["settings", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in document["variables"]] == [e.name for _, e in variables()]
    assert all(item["file"] for item in document["variables"] if item["secret"])
    assert {"exit_codes", "files", "old_variables"} < set(document)


def test_markdown_tables_are_well_formed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["settings", "--markdown"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(rows) > 50
    assert all(row.endswith(" |") and row.count("|") in (3, 4) for row in rows)


def test_check_names_the_command_that_mends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "page.md"
    document.write_text(MARKED)
    assert command.main(["settings", "--check", str(document)]) == 1
    assert capsys.readouterr().err == (
        f"devcopilot: {document} is out of date (`python -m agent settings --write` mends it)\n"
    )
    assert document.read_text() == MARKED
    assert command.main(["settings", "--write", str(document)]) == 0
    assert command.main(["settings", "--check", str(document)]) == 0
    text = document.read_text()
    assert text.startswith("before\n<!-- begin: exit codes -->\n| code |")
    assert text.endswith("<!-- end: exit codes -->\nafter\n")


def test_a_page_that_cannot_be_filled_in_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "page.md"
    assert command.main(["settings", "--check", str(document)]) == 1
    document.write_text(MARKED.replace("exit codes", "recipes"))
    assert command.main(["settings", "--write", str(document)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "No such file" in lines[0]
    assert "there is no part 'recipes'" in lines[1]
