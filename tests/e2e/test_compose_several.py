"""deploy/compose with a real Compose: two workspaces behind one proxy, both logged in at once."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worlds.containers import DOCKER, MVP, TOOLS, Container, docker, find_free_port
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
NAMES = ("octo", "hubot")

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="the Compose of the test image talks to docker only"
)


@dataclass(frozen=True)
class Project:
    """A copy of deploy/compose with an .env of its own."""

    folder: Path
    name: str
    port: int

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run Compose in the folder."""
        return subprocess.run(
            [DOCKER, "run", "--rm", "--network", "none", "--user", "0",
             "-v", "/var/run/docker.sock:/var/run/docker.sock",
             "-v", f"{self.folder}:{self.folder}", "-w", str(self.folder),
             TOOLS, "docker-compose-2", *words],
            check=False, capture_output=True, text=True, timeout=240,
        )  # fmt: skip

    def find(self, service: str) -> Container:
        """Return the container of a service."""
        labels = (f"label=com.docker.compose.project={self.name}",
                  f"label=com.docker.compose.service={service}")  # fmt: skip
        found = docker("ps", "--quiet", *(word for each in labels for word in ("--filter", each)))
        return Container(found, 0, 0)

    def find_url(self, service: str) -> str:
        return f"https://localhost:{self.port}/{service}/"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("several")
    for name in ("compose.yaml", "Caddyfile"):
        shutil.copy(TOP / "deploy/compose" / name, folder)
    made = Project(folder, f"dev8-test-{uuid.uuid4().hex[:8]}", find_free_port())
    lines = {"COMPOSE_PROJECT_NAME": made.name, "WORKSPACE_IMAGE": MVP, "PROXY_IMAGE": TOOLS,
             "PORT": str(made.port)}  # fmt: skip
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    override = {"services": {
        **{name: {"environment": {"DEV8_AI_TOOLS": "off"}} for name in NAMES},
        "proxy": {"volumes": [f"{TOP / 'tests'}:/fake/tests:ro"], "tmpfs": ["/tmp:mode=1777"]},
    }}  # fmt: skip
    (folder / "compose.override.yaml").write_text(json.dumps(override))
    try:
        done = made.call("up", "--detach")
        assert done.returncode == 0, done.stderr
        for name in NAMES:
            made.find(name).wait_ready()
        yield made
    finally:
        made.call("down", "--volumes")


def ask(project: Project, *words: str) -> str:
    """Ask from where the proxy is; return what was printed."""
    return project.find("proxy").call("curl", "-sk", "--max-time", "20", *words).stdout


def test_each_workspace_answers_at_its_path(project: Project) -> None:
    for name in NAMES:
        url = project.find_url(name)
        wait_until(lambda url=url: "lastHeartbeat" in ask(project, f"{url}healthz"), url)  # type: ignore[misc]
        page = ask(project, "-o", "/dev/null", "-w", "%{redirect_url}", url.removesuffix("/"))
        assert page == url
    docker("port", project.find("proxy").name)
    assert docker("port", project.find("octo").name) == ""


def test_workspaces_do_not_reach_each_other(project: Project) -> None:
    assert project.find("octo").call("getent", "hosts", "octo").returncode == 0
    assert project.find("octo").call("getent", "hosts", "hubot").returncode != 0


def test_both_stay_logged_in(project: Project) -> None:
    links = [project.find(name).execute("devcopilot", "open") for name in NAMES]
    assert links[0].startswith(f"{project.find_url('octo')}devcopilot/open#")
    done = subprocess.run(
        [DOCKER, "exec", "--user", "1000", "-e", "HOME=/tmp", "-e", "PYTHONPATH=/fake",
         project.find("proxy").name, "python", "-m", "tests.e2e.browse_several", *links],
        check=False, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "logged in": [project.find_url(name) for name in NAMES],
        "names": ["code-server-session-hubot", "code-server-session-octo"],
    }
