"""A workspace started as the original's control plane starts it reports to that control plane.

Both are in one network of their own, which has a loopback and nothing else.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import write_secret
from tests.worlds.containers import HARDENED, MVP, QUIET, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until

FAKES = Path(__file__).parents[1] / "fakes"
KEY = "k-endtoend-0123456789abcdef"
ID = "clx0000-endtoend"
HOLD = "for _ in {1..20}; do exec 3<>/dev/tcp/127.0.0.1/2222; cat <&3 >/dev/null; done"
"""A client of sshd, of bash alone, which calls again when sshd hangs up on it after 15 s."""


@dataclass
class Plane:
    """The control plane in its container."""

    name: str

    def read(self) -> list[dict[str, Any]]:
        """Return all requests so far."""
        return [json.loads(line) for line in docker("logs", self.name).splitlines()]

    def wait(self, count: int) -> dict[str, Any]:
        """Return the request of this number, once it is there."""
        wait_until(lambda: len(self.read()) >= count, f"request {count}")
        return self.read()[count - 1]

    def put(self, path: str) -> None:
        """Change how it answers."""
        url = f"http://127.0.0.1:7000/{path}"
        docker("exec", self.name, "curl", "-sf", "-X", "PUT", url)


@pytest.fixture(scope="module")
def plane() -> Iterator[Plane]:
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    docker(
        "run", "--detach", "--name", name, "--network", "none", "--entrypoint", "python3",
        "-v", f"{FAKES}:/fakes:ro", MVP, "/fakes/control_plane.py", "127.0.0.1", "7000", KEY,
    )  # fmt: skip
    yield Plane(name)
    docker("rm", "--force", name)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o755)
    write_secret(folder / "key", f"{KEY}\n")
    return folder


@pytest.fixture(scope="module")
def box(plane: Plane, secrets: Path) -> Iterator[Container]:
    variables = {
        **QUIET,
        "WORKSPACE_ID": ID, "USER_ID": "user-1", "WORKSPACE_DIR": "/home/dev8/workspace",
        "AGENT_BASE_URL": "http://127.0.0.1:7000", "AGENT_ENABLED": "true",
        "MONITOR_INTERVAL": "15s", "SUPERVISOR_AGENT_API_KEY_FILE": "/run/secrets/key",
        "LOG_FILE_PATH": "/var/log/supervisor.log",
    }  # fmt: skip
    options = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    options += ["--network", f"container:{plane.name}", "-v", f"{secrets}:/run/secrets:ro"]
    with running(Recipe(MVP, (*HARDENED, *options), published=False)) as box:
        box.wait_ready()
        yield box


def ask(box: Container, path: str, *options: str) -> str:
    return box.execute("curl", "-s", *options, f"http://127.0.0.1:9000{path}")


def test_it_reports_soon_after_it_is_ready(box: Container, plane: Plane) -> None:
    sent = plane.wait(1)
    assert (sent["status"], sent["path"]) == (200, f"/api/v1/environments/{ID}/activity")
    assert sent["headers"]["User-Agent"] == "workspace-supervisor"
    assert sent["headers"]["Content-Type"] == "application/json"
    report = json.loads(sent["body"])
    assert report["environmentId"] == ID
    assert report["snapshot"]["activeSSHConnections"] == 0
    assert box.warnings() == []
    wait_until(lambda: box.status()["report"]["accepted"], "the answer to be noted")
    assert box.status()["report"]["problem"] == ""


def test_a_connection_is_reported_with_the_next_look(box: Container, plane: Plane) -> None:
    before = len(plane.read())
    docker("exec", "--detach", box.name, "bash", "-c", HOLD)

    def counts() -> list[int]:
        found = [json.loads(each["body"])["snapshot"] for each in plane.read()[before:]]
        return [each["activeSSHConnections"] for each in found]

    wait_until(lambda: 1 in counts(), "a report of the connection")
    status = json.loads(ask(box, "/status"))
    assert status["lastSSHActivity"] > "2026"


def test_the_local_api_answers_this_machine_alone(box: Container) -> None:
    health = json.loads(ask(box, "/health"))
    assert health["healthy"] is True
    assert set(health) == {"healthy", "uptimeSeconds", "activeIDE", "activeSSH",
                           "activeIDEConnections", "activeSSHConnections"}  # fmt: skip
    assert "last_activity" in json.loads(ask(box, "/api/status"))
    code = ("-o", "/dev/null", "-w", "%{http_code}")
    assert ask(box, "/status", *code, "-H", "Host: evil.example") == "403"
    assert ask(box, "/status", *code, "-X", "POST") == "501"


def test_a_refused_key_is_one_line_until_its_file_changes(
    box: Container, plane: Plane, secrets: Path
) -> None:
    plane.put("key/another-key-0123456789")
    wait_until(lambda: plane.read()[-1]["status"] == 401, "the refusal")

    def find_problems() -> list[dict[str, Any]]:
        return [row for row in box.status()["problems"] if "refuses the reports" in row["message"]]

    wait_until(lambda: bool(find_problems()), "the problem in the status")
    (problem,) = find_problems()
    assert "SUPERVISOR_AGENT_API_KEY" in problem["hint"]
    assert len([line for line in box.warnings() if "refuses the reports" in line]) == 1
    (secrets / "key").unlink()
    write_secret(secrets / "key", "another-key-0123456789\n")
    wait_until(lambda: plane.read()[-1]["status"] == 200, "a report with the new key")
    wait_until(lambda: not find_problems(), "the end of the problem")


def test_the_key_is_nowhere_to_be_seen(box: Container) -> None:
    seen = box.logs() + json.dumps(box.status()) + ask(box, "/status") + ask(box, "/health")
    seen += box.execute(
        "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"
    )
    assert KEY not in seen
    assert "another-key-0123456789" not in seen


def test_a_control_plane_that_hangs_does_not_delay_the_stop(box: Container, plane: Plane) -> None:
    plane.put("fault/hang")
    assert box.call("devcopilot", "health").returncode == 0
    _, code = box.stop()
    assert code == 0, "docker had to kill it"
