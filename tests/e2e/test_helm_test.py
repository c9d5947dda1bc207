"""The pod of `helm test`, as a container beside a workspace: it says whether sshd answers."""

import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.worlds.containers import BASE, DOCKER, NO_PRIVILEGES, Recipe, docker, running
from tests.worlds.manifests import find, need_programs, template


@pytest.fixture
def network() -> Iterator[str]:
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name)


def test_it_succeeds_with_a_workspace_and_fails_without(network: str) -> None:
    need_programs()
    (container,) = find(template({}), "Pod")["spec"]["containers"]
    command: list[str] = [*container["command"], *container["args"]]
    asks = [DOCKER, "run", "--rm", "--network", network, "--read-only", *NO_PRIVILEGES,
            "--entrypoint", command[0], BASE, *command[1:]]  # fmt: skip

    def ask() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(asks, check=False, capture_output=True, text=True, timeout=60)

    options = ("--network", network, "--network-alias", "workspace")
    with running(Recipe(BASE, options, published=False)) as box:
        box.wait_ready()
        assert ask().stdout.startswith("SSH-2.0-")
        box.stop()
        assert ask().returncode != 0
