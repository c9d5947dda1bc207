"""The password that opens the backups in BACKUP_DIR is made only where it can be kept."""

from dataclasses import replace
from pathlib import Path

import pytest

from agent.backup import prerequisites
from agent.backup.target import PASSWORD
from agent.backup.targets import local
from agent.machine.errors import Problem
from agent.machine.planning.resources import Seed
from agent.machine.storage.volumes import Mounts, Volume
from agent.machine.system import Facts
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def plan_password(facts: Facts) -> tuple[list[Path], list[str]]:
    """Return the files of passwords that would be made, and what is wrong with them."""
    environ = {"BACKUP_DIR": str(facts.home.parent / "backups"), "ENVIRONMENT_ID": "here"}
    items = list(prerequisites.resources((local.TARGET,), Settings.from_environ(environ), facts))
    problems = [str(item) for item in items if isinstance(item, Problem)]
    return (
        [item.path for item in items if isinstance(item, Seed)],
        [text for text in problems if "restic" not in text],
    )


def test_it_is_made_in_the_state_folder(facts: Facts) -> None:
    assert plan_password(facts) == ([facts.state / PASSWORD], [])


@pytest.mark.parametrize("case", ["full", "temporary"])
def test_one_that_would_be_lost_is_not_made(facts: Facts, case: str) -> None:
    lost = replace(facts, state=facts.runtime / "home/state")
    if case == "full":
        lost = replace(facts, mounts=Mounts(state=Volume(fault=28)))
    made, (problem,) = plan_password(lost)
    assert made == []
    assert "the password would be lost" in problem
    assert "DEV8_BACKUP_PASSWORD_FILE" in problem


def test_one_that_is_there_is_used_also_on_a_full_disk(facts: Facts) -> None:
    (facts.state / PASSWORD).parent.mkdir(parents=True)
    (facts.state / PASSWORD).write_text("word\n")
    full = replace(facts, mounts=Mounts(state=Volume(fault=28)))
    assert plan_password(full)[1] == []
