"""What an image with the agent promises, whoever made it. `make check-image` asks any image for it.

A test here has a mark `promise`: what is missing where it fails, and what fixes that. Nothing that
our images have by chance is taken for granted: user, home and folders are asked for.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from testinfra.host import Host

from tests.image.conftest import IDLE, Image
from tests.image.shell import entering
from tests.worlds.containers import NO_PRIVILEGES, Container, Recipe, docker, running

CLIENT = 'trap "exit 0" 15\n{}\nexec "$@"\nwhile sleep 1 & wait $!; do :; done'
"""How a devcontainer client starts an image, with the entrypoints of its Features."""
MOUNTED = "/workspaces/project"
"""Where it mounts the project."""


@dataclass(frozen=True)
class Stranger:
    """An image, and how it is meant to be started."""

    image: Image

    @property
    def metadata(self) -> dict[str, str]:
        """Return what its label says to a devcontainer client; later entries count."""
        label = (self.image.config["Labels"] or {}).get("devcontainer.metadata", "[]")
        entries = json.loads(label)
        merged: dict[str, str] = {}
        for entry in entries if isinstance(entries, list) else [entries]:
            merged |= entry
        return merged

    @property
    def user(self) -> str:
        """Return who works in it."""
        return self.metadata.get("remoteUser") or self.image.config["User"] or "root"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that it sets."""
        return dict(entry.split("=", 1) for entry in self.image.config["Env"] or ())

    @property
    def has_feature(self) -> bool:
        """Tell whether a devcontainer client starts the agent, by the entrypoint of a Feature."""
        return "devcopilot" in self.metadata.get("entrypoint", "")

    @property
    def workspace(self) -> str:
        """Return the folder that the agent works in; a client mounts its own."""
        default = MOUNTED if self.has_feature else "/workspace"
        return self.environment.get("WORKSPACE_DIR", default)

    def start(self, *options: str) -> Recipe:
        """Return how it is started: by its ENTRYPOINT, or as a devcontainer with the Feature."""
        options = (*options, "--user", self.user)
        if not self.has_feature:
            return Recipe(self.image.name, options)
        options = (*options, "--tmpfs", f"{MOUNTED}:mode=1777")
        entry = self.metadata["entrypoint"]
        script = CLIENT.format(entry.replace("${containerWorkspaceFolder}", MOUNTED))
        return Recipe(self.image.name, (*options, "--entrypoint", "/bin/sh"), ("-c", script, "-"))

    def find_home(self) -> str:
        """Return the home folder of its user."""
        script = "getent passwd $(id -u) | cut -d : -f 6"
        words = ("--user", self.user, "--entrypoint", "sh", self.image.name, "-c", script)
        return docker("run", "--rm", "--network", "none", *words) or "/"

    def harden(self) -> tuple[str, ...]:
        """Return the options of the strictest way to run it: volumes where it has to write."""
        workspace = () if self.has_feature else (self.workspace,)
        folders = (self.find_home(), *workspace, "/tmp")
        volumes = (word for folder in folders for word in ("-v", folder))
        return ("--read-only", *volumes, *NO_PRIVILEGES)


@pytest.fixture(scope="session")
def stranger(image: Image) -> Stranger:
    """The image under test, as somebody's who does not know ours."""
    return Stranger(image)


@pytest.fixture(scope="session")
def box(stranger: Stranger) -> Iterator[Container]:
    """A container of it in which nothing runs."""
    options, command = IDLE
    recipe = Recipe(stranger.image.name, ("--user", stranger.user, *options), command)
    with running(recipe) as container:
        yield container


@pytest.fixture(scope="session")
def host(box: Container) -> Iterator[Host]:
    """The inside of that container, as its own user."""
    with entering(box) as host:
        yield host
