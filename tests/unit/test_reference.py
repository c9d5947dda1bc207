"""The documentation is written from the declarations, and stays in step with them."""

import json
from pathlib import Path

import pytest

from agent import __main__ as command
from agent.machine.light.exits import Exit
from agent.settings.everything import variables
from scripts import documents

ROOT = Path(__file__).parent.parent.parent
MARKED = "before\n<!-- begin: exit codes -->\nold\n<!-- end: exit codes -->\nafter\n"


@pytest.mark.parametrize("name", documents.DOCUMENTS)
def test_the_documentation_is_up_to_date(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "<!-- begin: " in text
    assert documents.fill_in(text) == text


def test_every_part_stands_in_some_document() -> None:
    texts = "".join((ROOT / name).read_text() for name in documents.DOCUMENTS)
    for name in documents.parts():
        assert f"<!-- begin: {name} -->" in texts
        assert f"<!-- end: {name} -->" in texts


def test_every_verb_stands_in_the_documentation() -> None:
    text = (ROOT / "docs/settings.md").read_text()
    assert all(f"| `devcopilot {verb}` | {doc} |" in text for verb, doc in command.VERBS.items())


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


def test_the_check_names_the_command_that_mends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    monkeypatch.setattr(documents, "DOCUMENTS", ("page.md",))
    page = tmp_path / "page.md"
    page.write_text(MARKED)
    assert documents.main([]) == 1
    assert f"{page} is out of date (.venv/bin/python scripts/documents.py --write" in (
        capsys.readouterr().err
    )
    assert page.read_text() == MARKED
    assert documents.main(["--write"]) == 0
    assert documents.main([]) == 0
    text = page.read_text()
    assert text.startswith("before\n<!-- begin: exit codes -->\n| code |")
    assert text.endswith("<!-- end: exit codes -->\nafter\n")
