"""`devcopilot trust`: what the user sees of the decision."""

import json
from pathlib import Path

import pytest

from agent.__main__ import main
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

HOOK = ".devcontainer/devcontainer.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in the workspace of a running container."""
    found = tmp_path / "workspace"
    (found / HOOK).parent.mkdir(parents=True)
    (found / HOOK).write_text("{}")
    variables = {"WORKSPACE_DIR": str(found)}
    current = Context(variables, Settings.from_environ(variables), make_facts(tmp_path))
    monkeypatch.setattr(context, "load", lambda: current)
    return found


def test_the_files_of_the_decision_are_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trust"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{folder} is trusted")
    assert f"  {HOOK} (new or changed)\n" in said
    (folder / ".mcp.json").write_text("{}")
    assert main(["trust", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "schema": 1, "folder": str(folder), "trust": "trusted", "files": [HOOK, ".mcp.json"],
    }  # fmt: skip


def test_it_can_be_revoked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["trust"])
    assert main(["trust", "--revoke", str(folder)]) == 0
    assert f"{folder} is no longer trusted" in capsys.readouterr().out
    assert main(["trust", "--revoke", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trust"] == "ask"


def test_a_missing_folder_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", str(folder / "none")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
