"""deploy/podman/workspace.yaml, as one person runs it on one machine with podman."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.worlds.containers import BASE
from tests.worlds.manifests import PODMAN
from tests.worlds.podman import Podman, private_podman
from tests.worlds.waiting import wait_until

NAME = "workspace-workspace"
"""Of the container: POD-CONTAINER."""


@pytest.fixture
def podman(archive: Callable[[str], Path]) -> Iterator[Podman]:
    folder = Path(tempfile.mkdtemp(prefix="dev8-podman-"))  # a short path, for its sockets
    try:
        with private_podman(folder, archive(BASE)) as podman:
            write_manifest(folder)
            yield podman
    finally:
        shutil.rmtree(folder)


def write_manifest(folder: Path) -> None:
    """Write the manifest with the image that is tested; no address outside is asked."""
    manifest = yaml.safe_load(PODMAN.read_text())
    (container,) = manifest["spec"]["containers"]
    container["image"] = f"localhost/{BASE}"
    container["env"] += [
        {"name": "DEV8_GITHUB_API_URL", "value": "http://127.0.0.1:1"},
        {"name": "DEV8_TOKEN_REFRESH_INTERVAL", "value": "1s"},
    ]
    (folder / "workspace.yaml").write_text(yaml.safe_dump(manifest))


def play(podman: Podman) -> None:
    podman("kube", "play", "workspace.yaml")
    wait_until(lambda: "READY" in podman("logs", NAME), "becoming ready")


def read_status(podman: Podman) -> dict[str, str]:
    """Return the lines of /proc/1/status."""
    lines = podman("exec", NAME, "cat", "/proc/1/status").splitlines()
    return {name: rest.strip() for name, _, rest in (line.partition(":") for line in lines)}


def test_it_runs_stops_and_keeps_what_it_has(podman: Podman) -> None:
    play(podman)
    status = read_status(podman)
    assert status["Uid"].split()[0] == "1000"
    assert (int(status["CapBnd"], 16), status["NoNewPrivs"], status["Seccomp"]) == (0, "1", "2")
    greeting = "exec 3<>/dev/tcp/127.0.0.1/2222 && read -r line <&3 && echo $line"
    assert podman.run("bash", "-c", greeting).startswith("SSH-2.0-")
    refused = podman("exec", NAME, "sh", "-c", "touch /file 2>&1 || true")
    assert "Read-only file system" in refused

    (podman.folder / "secrets/github_token").write_text(
        "ghp_podman00000000000000000000000000000a\n"
    )
    wait_until(lambda: "published a GitHub token" in podman("logs", NAME), "taking a late token")

    podman("exec", NAME, "touch", "/workspace/mine")
    podman("stop", NAME)
    assert podman("inspect", "--format", "{{.State.ExitCode}}", NAME) == "0"
    podman("kube", "down", "workspace.yaml")
    play(podman)
    assert podman("exec", NAME, "ls", "/workspace") == "mine"
