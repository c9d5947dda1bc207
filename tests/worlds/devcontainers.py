"""Projects that the real devcontainer client brings up: folder, devcontainer.json, container."""

import json
import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.worlds.backup_servers import PROGRAMS
from tests.worlds.containers import DOCKER, docker
from tests.worlds.needs import need
from tests.worlds.side_by_side import hold

CLIENT = PROGRAMS / "azurite/node_modules/@devcontainers/cli/devcontainer.js"
CONTENT = "dev_container_feature_content_temp"
"""The image in which the client hands Features to the engine. All projects share its name: of two
clients at once, one would build with the other's Features or find none."""
BUILDING = ("build", "features", "up")
"""What may make that image."""
ENGINE = """\
#!/bin/sh
engine={engine} turns=0
if [ "$1" = run ]; then
    until [ "$("$engine" info --format '{{{{.NEventsListener}}}}')" -gt 0 ]; do
        [ $((turns += 1)) -le 600 ] || break
        sleep 0.05
    done
fi
exec "$engine" "$@"
"""
"""The engine as the client gets it: it starts a container once somebody listens to its events.

The client waits for ever where the container starts before its `docker events` has subscribed:
https://github.com/devcontainers/cli/issues/1269
"""
UID = 1000
"""Of the user who works in the image: what the project's folder belongs to."""


@dataclass(frozen=True)
class Devcontainer:
    """A project that the client has brought up."""

    folder: Path
    container: str
    inside: str
    """The project's folder in the container."""

    def call(self, verb: str, *words: str) -> str:
        """Let the client do something with it; return what it printed."""
        return run_client(verb, "--workspace-folder", str(self.folder), *words)

    def status(self) -> dict[str, Any]:
        """Return what `devcopilot status --json` says."""
        document: dict[str, Any] = json.loads(self.call("exec", "devcopilot", "status", "--json"))
        return document

    def stop(self) -> int:
        """Stop the container; return its exit code."""
        docker("stop", self.container)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.container))

    def logs(self) -> str:
        """Return all that the container has said on stdout."""
        return docker("logs", self.container)


def need_client() -> None:
    """Go on only where the client can run."""
    need(shutil.which("node"), "needs Node 20")
    need(CLIENT.exists(), "needs the devcontainer client: scripts/programs.sh")


def run_client(*words: str, timeout: float = 600) -> str:
    """Run the client, with the engine of the tests; return what it printed on stdout."""
    with TemporaryDirectory(prefix="dev8-engine-") as folder:
        engine = Path(folder) / "docker"
        engine.write_text(ENGINE.format(engine=shlex.quote(shutil.which(DOCKER) or DOCKER)))
        engine.chmod(0o755)
        path = f"{folder}:{os.environ['PATH']}"
        with only_one() if words[0] in BUILDING else nullcontext():
            done = subprocess.run(
                ["node", CLIENT, *words],
                check=False, capture_output=True, text=True, timeout=timeout,
                env={**os.environ, "PATH": path, "DOCKER_BUILDKIT": "1"},  # else a step is an image
            )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def only_one() -> Iterator[None]:
    """Let one client build at a time, and leave nothing behind of what it handed to the engine."""
    with hold(PROGRAMS.parent / "devcontainer.lock"):
        try:
            yield
        finally:
            remove_images(CONTENT)


@contextmanager
def bring_up(
    parent: Path, properties: dict[str, Any], feature: Path | None = None
) -> Iterator[Devcontainer]:
    """Bring up a new project; remove its container and the images that the client has built.

    `feature` is a built Feature; the project has a copy, as it must for one that is not published.
    """
    folder = parent / f"demo-{uuid.uuid4().hex[:8]}"
    (folder / ".devcontainer").mkdir(parents=True)
    (folder / ".devcontainer/devcontainer.json").write_text(json.dumps(properties))
    if feature:
        shutil.copytree(feature, folder / ".devcontainer" / feature.name)
    if os.getuid() == 0:  # else the client gives the user the uid of whoever runs this
        for path in (folder, *folder.iterdir()):
            os.chown(path, UID, UID)
    label = f"label=devcontainer.local_folder={folder}"
    try:
        answer = json.loads(run_client("up", "--workspace-folder", str(folder)).splitlines()[-1])
        yield Devcontainer(folder, answer["containerId"], answer["remoteWorkspaceFolder"])
    finally:
        if containers := docker("ps", "--all", "--quiet", "--filter", label):
            docker("rm", "--force", "--volumes", *containers.split())
        docker("volume", "rm", "--force", f"{folder.name}-home")
        remove_images(f"vsc-{folder.name}-*")


def remove_images(*patterns: str) -> None:
    """Remove what the client has built: images with Features, or with another uid."""
    for pattern in patterns:
        if made := docker("image", "ls", "--quiet", pattern):
            docker("image", "rm", "--force", *dict.fromkeys(made.split()))
