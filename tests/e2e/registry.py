"""A registry of npm packages on the loopback that a workspace shares with it, and no other network.

The registry is verdaccio, in an image that scripts/test-image.sh builds. The workspace joins its
network namespace, in which there is nothing but loopback.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.worlds.containers import TAG, Container, Recipe, running
from tests.worlds.waiting import wait_until

IMAGE = f"dev8-test-registry:{TAG}"
URL = "http://127.0.0.1:4873/"


@dataclass(frozen=True)
class Registry:
    """A registry that runs."""

    box: Container

    @property
    def network(self) -> tuple[str, ...]:
        """How a workspace shares its network, and does not know of it."""
        return ("--network", f"container:{self.box.name}")

    @property
    def options(self) -> tuple[str, ...]:
        """How a workspace uses it."""
        return (*self.network, "-e", f"npm_config_registry={URL}")

    def silent(self) -> AbstractContextManager[None]:
        """Let it take connections and answer nothing, until the end."""
        return self.box.paused()


@contextmanager
def serving() -> Iterator[Registry]:
    """Run a registry until the end."""
    recipe = Recipe(IMAGE, ("--network", "none"), published=False)
    with running(recipe) as box:
        wait_until(lambda: box.call("npm", "ping").returncode == 0, "the registry's start")
        yield Registry(box)


def write_locks(registry: Registry, program: str, version: str, folder: Path) -> Path:
    """Publish a tiny package that brings this program, if its version is new; lock it.

    Return a folder of locks as an image holds it in /usr/local/share/devcopilot/ai.
    """
    script = f"""
        mkdir -p /tmp/package /tmp/lock/node_modules; cd /tmp/package; rm -rf /tmp/lock/*
        echo '//{URL.removeprefix("http://")}:_authToken=anybody' >.npmrc
        echo '{{"name":"tiny","version":"{version}","bin":{{"{program}":"tiny.js"}}}}' >package.json
        printf '#!/usr/bin/env node\\nconsole.log("tiny {version}")\\n' >tiny.js
        npm view tiny@{version} version 2>/dev/null | grep -q . || npm publish >&2
        cd /tmp/lock; echo '{{"dependencies":{{"tiny":"{version}"}}}}' >package.json
        npm install --package-lock-only --omit-lockfile-registry-resolved >&2
    """
    registry.box.execute("sh", "-euc", script)
    place = folder / program
    place.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        content = registry.box.execute("cat", f"/tmp/lock/{name}")
        json.loads(content)
        (place / name).write_text(content + "\n")
    for path in (folder, place):
        path.chmod(0o755)
    return folder
