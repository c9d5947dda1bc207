"""docker/compose.yaml with real Composes, as a person uses it: up, work, restart, down."""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bench.connections import FAKE_GITHUB_PORT, start_fake_github
from tests.e2e.conftest import Login, write_secret
from tests.e2e.test_token import gh_token, put_token
from tests.worlds.containers import (
    DOCKER,
    MVP,
    TOOLS,
    Container,
    answers_http,
    docker,
    find_free_port,
)
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
FILES = TOP / "docker"
README = (FILES / "README.md").read_text()
COMPOSES = {"1.29": "docker-compose", "2": "docker-compose-2"}
"""The programs in the image of the test tools."""
VOLUMES = ("backups", "home", "tmp", "workspace")
FIRST = "ghp_compose000000000000000000000000000001"
SECOND = "ghp_compose000000000000000000000000000002"

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="the Composes of the test image talk to docker only"
)


@dataclass
class Project:
    """A copy of docker/compose.yaml with an .env of its own, and the Compose that runs it."""

    folder: Path
    program: str
    name: str = field(default_factory=lambda: f"dev8-test-{uuid.uuid4().hex[:8]}")
    ide_port: int = field(default_factory=find_free_port)
    ssh_port: int = field(default_factory=find_free_port)

    def __post_init__(self) -> None:
        self.secrets.mkdir()
        (self.folder / "compose.yaml").write_text((FILES / "compose.yaml").read_text())
        self.configure()

    @property
    def secrets(self) -> Path:
        """Return the folder of the secret files: the default one."""
        return self.folder / "secrets"

    def configure(self, **variables: str) -> None:
        """Write .env: the example, and these variables after it."""
        lines = {
            "COMPOSE_PROJECT_NAME": self.name,
            "WORKSPACE_IMAGE": MVP,
            "IDE_PORT": str(self.ide_port),
            "SSH_PORT": str(self.ssh_port),
            **variables,
        }
        example = (FILES / ".env.example").read_text()
        mine = "".join(f"{name}={value}\n" for name, value in lines.items())
        (self.folder / ".env").write_text(example + mine)

    def override(self, **service: Any) -> None:
        """Write compose.override.yaml, which Compose takes by itself."""
        document = {"services": {"workspace": service}}
        (self.folder / "compose.override.yaml").write_text(json.dumps(document))

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run Compose in the project's folder; stdout and stderr together."""
        argv = [DOCKER, "run", "--rm", "--network", "none", "--user", "0",
                "-v", "/var/run/docker.sock:/var/run/docker.sock",
                "-v", f"{self.folder}:{self.folder}", "-w", str(self.folder),
                TOOLS, self.program, *words]  # fmt: skip
        return subprocess.run(
            argv, check=False, text=True, timeout=180,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        """Run Compose, which must succeed, and return what it printed."""
        done = self.call(*words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def container(self) -> Container:
        """Return the workspace's container, running or not."""
        label = f"label=com.docker.compose.project={self.name}"
        found = docker("ps", "--all", "--quiet", "--filter", label).split()
        assert len(found) == 1
        return Container(found[0], self.ide_port, self.ssh_port)

    def volumes(self) -> list[str]:
        """Return the names of the project's volumes."""
        return sorted(docker("volume", "ls", "--quiet", "--filter", f"name=^{self.name}_").split())


@pytest.fixture(scope="module", params=COMPOSES)
def program(request: pytest.FixtureRequest) -> str:
    return COMPOSES[request.param]


@pytest.fixture(scope="module")
def project(
    program: str, login: Login, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A workspace that is up, with a token that has not come yet and a GitHub on its loopback."""
    made = Project(tmp_path_factory.mktemp("project"), program)
    made.configure(
        SSH_AUTHORIZED_KEYS_FILE="/run/secrets/authorized_keys",
        GITHUB_TOKEN_FILE="/run/secrets/token",
        GIT_USER_NAME="Octo Cat",
        DEV8_GITHUB_API_URL=f"http://127.0.0.1:{FAKE_GITHUB_PORT}",
    )
    write_secret(made.secrets / "authorized_keys", login.public + "\n")
    # The image's own interval is half a minute; its command and its other times stay.
    made.override(volumes=[f"{TOP / 'tests'}:/fake/tests:ro"], healthcheck={"interval": "5s"})
    try:
        made.run("up", "--detach")
        made.container().wait_ready()
        yield made
    finally:
        made.call("down", "--volumes")


@pytest.fixture
def box(project: Project) -> Container:
    return project.container()


def inspect(box: Container) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(docker("inspect", box.name))[0]
    return document


def test_the_example_alone_is_a_valid_configuration(program: str, tmp_path: Path) -> None:
    project = Project(tmp_path, program)
    (tmp_path / ".env").write_text((FILES / ".env.example").read_text())
    assert "dev8-mvp:latest" in project.run("config")
    (tmp_path / ".env").unlink()
    assert "dev8-mvp:latest" in project.run("config")


def test_the_lines_of_the_quick_start_give_a_token_and_ssh(
    program: str, login: Login, tmp_path: Path
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519.pub").write_text(login.public + "\n")
    lines = [line for line in README.splitlines() if line.endswith(" >>.env")]
    project = Project(tmp_path, program)
    subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=tmp_path, check=True,
                   env=os.environ | {"HOME": str(tmp_path)})  # fmt: skip
    config = " ".join(project.run("config").split())
    assert f"SSH_PUBLIC_KEY: {login.public}" in config
    assert "GITHUB_TOKEN_FILE: /run/secrets/github_token" in config


def test_a_person_logs_in(project: Project, box: Container, login: Login) -> None:
    assert login.run(box, "git config user.name").strip() == "Octo Cat"
    assert answers_http(project.ide_port)


def test_hardening_and_limits_are_in_force(box: Container) -> None:
    host = inspect(box)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (4 << 30, 2 * 10**9, 4096)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert not host["Init"]
    assert box.execute("sh", "-c", "grep -hE '^(CapBnd|NoNewPrivs):' /proc/1/status").split() == [
        "CapBnd:", "0000000000000000", "NoNewPrivs:", "1"]  # fmt: skip
    limits = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
    assert box.execute("sh", "-c", f"cat {limits} 2>/dev/null || true") == str(4 << 30)


def test_the_ports_are_open_on_loopback_only(project: Project, box: Container) -> None:
    assert sorted(docker("port", box.name).splitlines()) == [
        f"2222/tcp -> 127.0.0.1:{project.ssh_port}",
        f"8080/tcp -> 127.0.0.1:{project.ide_port}",
    ]


def test_it_shares_no_network_with_other_containers(box: Container) -> None:
    (network,) = inspect(box)["NetworkSettings"]["Networks"]
    members = docker("network", "inspect", "--format", "{{len .Containers}}", network)
    assert (network.endswith("_default"), members) == (True, "1")


def test_docker_waits_longer_than_the_agent(box: Container) -> None:
    assert inspect(box)["Config"]["StopTimeout"] == 15


def test_a_secret_comes_late_and_is_rotated(project: Project, box: Container) -> None:
    start_fake_github(box, FIRST, SECOND)
    assert gh_token(box) == ""
    for token in (FIRST, SECOND):
        put_token(project.secrets, token)
        wait_until(lambda token=token: gh_token(box) == token, "the token in gh")  # type: ignore[misc]
    assert not any(token in json.dumps(inspect(box)) for token in (FIRST, SECOND))
    assert not any(token in box.logs() for token in (FIRST, SECOND))


def test_a_secret_cannot_be_written_from_inside(box: Container) -> None:
    done = box.call("sh", "-c", "echo x >/run/secrets/new")
    assert "Read-only file system" in done.stderr


def test_it_becomes_healthy(box: Container) -> None:
    """By the image's own command, which Compose hands on."""
    assert "devcopilot" in str(inspect(box)["Config"]["Healthcheck"]["Test"])
    # A look a second is enough: each takes a process of its command.
    wait_until(lambda: box.inspect("{{.State.Health.Status}}") == "healthy", "health", share=20.0)


KEPT = (
    "cat ~/kept ~/.local/state/devcopilot/ssh/*.pub ~/.local/state/devcopilot/code-server/password"
)


def test_restart_keeps_home_host_key_and_password(project: Project, box: Container) -> None:
    before = box.execute("sh", "-c", f"echo mine >~/kept; {KEPT}")
    project.run("restart")
    box.wait_ready()
    assert box.execute("sh", "-c", KEPT) == before


def test_down_leaves_the_volumes_until_they_are_asked_for(project: Project, box: Container) -> None:
    before = box.execute("sh", "-c", KEPT)
    project.run("down")
    assert project.volumes() == [f"{project.name}_{volume}" for volume in VOLUMES]
    project.run("up", "--detach")
    again = project.container()
    again.wait_ready()
    assert again.execute("sh", "-c", KEPT) == before
    project.run("down", "--volumes")
    assert project.volumes() == []


def test_a_wrong_variable_is_tried_a_few_times_and_then_let_be(
    program: str, tmp_path: Path
) -> None:
    project = Project(tmp_path, program)
    project.configure(CODE_SERVER_AUTH="maybe")
    try:
        project.run("up", "--detach")
        box = project.container()
        wait_until(lambda: box.inspect("{{.RestartCount}}") == "3", "the third restart")
        assert box.wait_exit() == 2
        assert "CODE_SERVER_AUTH" in box.logs()
    finally:
        project.call("down", "--volumes")


def test_without_the_folder_of_secrets_the_error_names_it(program: str, tmp_path: Path) -> None:
    project = Project(tmp_path, program)
    project.secrets.rmdir()
    try:
        done = project.call("up", "--detach")
        assert done.returncode != 0
        assert f"{project.secrets}" in done.stdout
        assert not os.path.lexists(project.secrets)
    finally:
        project.call("down", "--volumes")
