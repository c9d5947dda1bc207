"""`devcopilot version`, and what the page tells of versions."""

import json
from pathlib import Path

import pytest

from agent import __version__
from agent.__main__ import main
from agent.observe import versions
from agent.observe.languages import find_languages


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an image has the versions of its languages."""
    made = tmp_path / "versions"
    monkeypatch.setattr(find_languages, "__defaults__", (str(made),))
    return made


def fill(folder: Path) -> None:
    folder.mkdir()
    (folder / "Node").write_text("20.20.2\n")
    (folder / "Go").write_text("1.21.13\n")


def test_the_languages_of_the_image_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(folder)
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"devcopilot {__version__}\nGo 1.21.13\nNode 20.20.2\n"
    main(["version", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["version"] == __version__
    assert document["languages"] == {"Go": "1.21.13", "Node": "20.20.2"}


def test_an_image_without_any_tells_of_the_agent(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"devcopilot {__version__}\n"


def test_what_cannot_be_read_is_left_out(folder: Path) -> None:
    fill(folder)
    (folder / "Rust").mkdir()
    (folder / "Zig").write_bytes(b"\xff")
    assert [name for name, _ in find_languages(str(folder))] == ["Go", "Node"]


def test_the_page_tells_of_them_after_the_editor(folder: Path, tmp_path: Path) -> None:
    fill(folder)
    editor = tmp_path / "package.json"
    editor.write_text('{"version": "4.1"}')
    told = dict(versions.find_versions(editor, tmp_path / "none", str(folder)))
    assert list(told)[:4] == ["agent", "code-server", "Go", "Node"]
    assert told["Go"] == "1.21.13"
