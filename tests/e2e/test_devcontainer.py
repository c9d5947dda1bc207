"""The images as devcontainers, with the real client: a file that names the image is enough."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.machine.formats.jsonc import parse_lenient
from tests.worlds.containers import BASE, MVP
from tests.worlds.devcontainers import Devcontainer, bring_up, need_client

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "docker/devcontainer/.devcontainer/devcontainer.json"


@pytest.fixture(params=["base", "mvp", "hardened"], scope="module")
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devcontainer]:
    """A project with hooks of its own, on a bare image or as in the sample."""
    need_client()
    properties: dict[str, Any] = {"image": BASE if request.param == "base" else MVP}
    if request.param == "hardened":
        properties = {**parse_lenient(SAMPLE.read_text()), **properties}
    hooks = {
        "postCreateCommand": "echo once >>created",
        "postStartCommand": "devcopilot status --json >status.json",
    }
    with bring_up(tmp_path_factory.mktemp("project"), {**properties, **hooks}) as project:
        yield project


def test_the_agent_is_pid_1_and_works_in_the_project(project: Devcontainer) -> None:
    init = project.call("exec", "cat", "/proc/1/cmdline").replace("\0", " ")
    assert "agent" in init
    assert init.split()[-2:] != ["sleep", "infinity"]
    status = project.status()
    assert status["phase"] == "ready"
    assert status["workspace"] == project.inside == f"/workspaces/{project.folder.name}"
    assert project.call("exec", "id", "-un").strip() == "dev8"


def test_the_client_runs_the_hooks_and_the_agent_does_not_do_it_again(
    project: Devcontainer,
) -> None:
    """Each once, and after the wait of the image: what they see is ready."""
    project.call("exec", "devcopilot", "wait", "--for", "all", "--timeout", "110s")
    assert (project.folder / "created").read_text() == "once\n"
    seen = json.loads((project.folder / "status.json").read_text())
    assert seen["phase"] == "ready"
    units = project.status()["units"]
    assert [row["state"] for row in units if row["name"] == "hooks"] == ["skipped"]


def test_it_stops_in_order(project: Devcontainer) -> None:
    """The last test of the module: with the agent as PID 1 `docker stop` needs no KILL."""
    assert project.stop() == 0
    assert "stopped" in project.logs()
