"""The images as devcontainers, with the real client: a file that names the image is enough."""

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.machine.jsonc import parse_lenient
from tests.e2e.conftest import WORKSPACE_UID
from tests.worlds.backup_servers import PROGRAMS
from tests.worlds.containers import BASE, DOCKER, MVP, docker
from tests.worlds.needs import need

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "docker/devcontainer/.devcontainer/devcontainer.json"
CLIENT = PROGRAMS / "azurite/node_modules/@devcontainers/cli/devcontainer.js"


@dataclass
class Devcontainer:
    """A project that the client has brought up."""

    folder: Path
    container: str
    inside: str
    """The project's folder in the container."""

    def call(self, verb: str, *words: str) -> str:
        """Let the client do something with it; return what it printed."""
        return run_client(verb, "--workspace-folder", str(self.folder), *words)


def run_client(*words: str) -> str:
    done = subprocess.run(
        ["node", CLIENT, *words],
        check=False, capture_output=True, text=True, timeout=300,
        env={**os.environ, "PATH": f"{Path(DOCKER).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(params=["base", "mvp", "hardened"], scope="module")
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devcontainer]:
    """A project with hooks of its own, on a bare image or as in the sample."""
    need(shutil.which("node"), "needs Node 20")
    need(CLIENT.exists(), "needs the devcontainer client: scripts/programs.sh")
    folder = tmp_path_factory.mktemp("project") / f"demo-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    properties: dict[str, Any] = {"image": BASE if request.param == "base" else MVP}
    if request.param == "hardened":
        properties = {**parse_lenient(SAMPLE.read_text()), **properties}
    hooks = {
        "postCreateCommand": "echo once >>created",
        "postStartCommand": "devcopilot status --json >status.json",
    }
    (folder / ".devcontainer.json").write_text(json.dumps({**properties, **hooks}))
    if os.getuid() == 0:  # else the client gives dev8 the uid of whoever runs this
        for path in (folder, *folder.iterdir()):
            os.chown(path, WORKSPACE_UID, WORKSPACE_UID)
    answer = json.loads(run_client("up", "--workspace-folder", str(folder)).splitlines()[-1])
    made = docker("inspect", "--format", "{{.Config.Image}}", answer["containerId"])
    try:
        yield Devcontainer(folder, answer["containerId"], answer["remoteWorkspaceFolder"])
    finally:
        docker("rm", "--force", "--volumes", answer["containerId"])
        docker("volume", "rm", "--force", f"{folder.name}-home")
        if made != properties["image"]:  # the image with another uid that the client has built
            docker("image", "rm", made)


def test_the_agent_is_pid_1_and_works_in_the_project(project: Devcontainer) -> None:
    init = project.call("exec", "cat", "/proc/1/cmdline").replace("\0", " ")
    assert "agent" in init
    assert init.split()[-2:] != ["sleep", "infinity"]
    status: dict[str, Any] = json.loads(project.call("exec", "devcopilot", "status", "--json"))
    assert status["phase"] == "ready"
    assert status["workspace"] == project.inside == f"/workspaces/{project.folder.name}"
    assert project.call("exec", "id", "-un").strip() == "dev8"


def test_the_client_runs_the_hooks_and_the_agent_does_not_do_it_again(
    project: Devcontainer,
) -> None:
    """Each once, and after the wait of the image: what they see is ready."""
    project.call("exec", "devcopilot", "wait", "--for", "all", "--timeout", "60s")
    assert (project.folder / "created").read_text() == "once\n"
    seen = json.loads((project.folder / "status.json").read_text())
    assert seen["phase"] == "ready"
    units = json.loads(project.call("exec", "devcopilot", "status", "--json"))["units"]
    assert [row["state"] for row in units if row["name"] == "hooks"] == ["skipped"]


def test_it_stops_in_order(project: Devcontainer) -> None:
    """The last test of the module: with the agent as PID 1 `docker stop` needs no KILL."""
    docker("stop", project.container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", project.container).strip() == "0"
    said = docker("logs", project.container)
    assert "stopped" in said
