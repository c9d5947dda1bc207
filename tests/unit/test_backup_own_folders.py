"""Folders of the agent, which no backup holds; none may be the workspace."""

from pathlib import Path

import pytest

from agent.backup.create.content import ToolFiles
from agent.backup.create.session import find_content
from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit
from agent.machine.system import Facts
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    facts = make_facts(tmp_path)
    facts.state.mkdir(parents=True)
    return facts


def read_settings(workspace: Path, **variables: str) -> Settings:
    workspace.mkdir(exist_ok=True)
    return Settings.from_environ({"WORKSPACE_DIR": str(workspace), **variables})


@pytest.mark.parametrize("name", ["life", "sandbox", "of-a-later-version"])
def test_every_folder_of_the_state_may_be_a_link(facts: Facts, tmp_path: Path, name: str) -> None:
    (facts.state / name).symlink_to(tmp_path / "work/kept")
    (facts.state / "file").touch()
    found = find_content(read_settings(tmp_path / "work"), facts, ToolFiles())
    assert facts.state / name in found.own
    assert facts.state / "file" not in found.own, "it is in one of them"


def test_the_copies_of_databases_are_none_of_them(facts: Facts, tmp_path: Path) -> None:
    (facts.state / "databases").symlink_to(tmp_path / "more-room")
    found = find_content(read_settings(tmp_path / "work"), facts, ToolFiles())
    assert facts.state / "databases" not in found.own


def fail(settings: Settings, facts: Facts) -> tuple[str, str | None]:
    with pytest.raises(AgentError) as caught:
        find_content(settings, facts, ToolFiles())
    assert caught.value.exit_code == Exit.USAGE
    (problem,) = caught.value.problems
    return problem.message, problem.hint


def test_a_link_that_leads_to_the_workspace_is_named(facts: Facts, tmp_path: Path) -> None:
    link, workspace = facts.state / "life", tmp_path / "work"
    link.symlink_to(workspace)
    assert fail(read_settings(workspace, BACKUP_DIR="/backups"), facts) == (
        f"cannot back up {workspace}: the agent keeps its own files in it, as {link}",
        f"let {link} be a separate folder, or set WORKSPACE_DIR to another one",
    )


def test_backups_are_not_kept_in_place_of_the_workspace(facts: Facts, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    assert fail(read_settings(workspace, BACKUP_DIR=str(tmp_path)), facts) == (
        f"cannot back up to BACKUP_DIR={tmp_path}: {workspace} is the workspace itself",
        "set BACKUP_DIR to another folder",
    )
