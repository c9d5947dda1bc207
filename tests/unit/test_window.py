"""What a window of the editor starts with: whether it asks, whether it is open, the README."""

from pathlib import Path

import pytest

from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import trust
from agent.workspace import window
from agent.workspace.window import Window
from tests.worlds.machine import make_facts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "workspace"
    found.mkdir()
    return found


def describe(folder: Path, **environ: str) -> Window:
    return window.describe(make_context(folder, **environ), folder)


def make_context(folder: Path, **environ: str) -> Context:
    given = {"WORKSPACE_DIR": str(folder), **environ}
    return Context({}, Settings.from_environ(given), make_facts(folder.parent))


def test_an_empty_folder_is_open_and_nobody_is_asked(folder: Path) -> None:
    (folder / "lost+found").mkdir()
    assert describe(folder) == Window(open=True, question="", readme="", project=str(folder))


def test_a_repository_is_asked_for_once(folder: Path) -> None:
    (folder / "main.py").touch()
    found = describe(folder)
    assert not found.open
    assert found.question == f"{folder} is not trusted yet"
    trust.give(make_context(folder), folder)
    assert describe(folder) == Window(open=True, question="", readme="", project=str(folder))
    (folder / ".mcp.json").write_text("{}")
    found = describe(folder)
    assert not found.open
    assert "changed since you trusted it: .mcp.json" in found.question


def test_whoever_starts_the_container_decides(folder: Path) -> None:
    (folder / "main.py").touch()
    assert describe(folder, DEV8_TRUST="trusted") == Window(
        open=True, question="", readme="", project=str(folder)
    )
    assert describe(folder, DEV8_TRUST="off") == Window(
        open=False, question="", readme="", project=str(folder)
    )


def test_an_empty_folder_that_gets_a_repository_is_not_open(folder: Path) -> None:
    """It would arrive in a window that asks nothing any more."""
    found = describe(folder, DEV8_REPOSITORIES="octo/demo")
    assert (found.open, found.question) == (False, "")


def test_a_file_that_names_folders_is_open_by_dev8_trust_alone(folder: Path) -> None:
    file = folder / "all.code-workspace"
    file.write_text('{"folders": [{"path": "/etc"}]}')
    assert not window.describe(make_context(folder), file).open
    assert window.describe(make_context(folder, DEV8_TRUST="trusted"), file).open
    assert not window.describe(make_context(folder), folder / "missing").open


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("README.md",), "README.md"),
        (("README", "readme.md"), "readme.md"),
        (("README.rst", "README.txt"), "README.rst"),
        (("main.py",), ""),
    ],
)
def test_the_readme_is_the_one_that_vs_code_chooses(
    folder: Path, names: tuple[str, ...], chosen: str
) -> None:
    (folder / "readme-pictures").mkdir()
    for name in names:
        (folder / name).touch()
    assert describe(folder).readme == (str(folder / chosen) if chosen else "")
