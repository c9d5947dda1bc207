"""Images of other people, and the Feature that puts the agent into them."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.containers import DOCKER, TAG, docker

TOP = Path(__file__).resolve().parents[2]
FEATURE = "devcopilot-agent"
BUILD_TIMEOUT = 600.0


def build_feature(folder: Path) -> Path:
    """Build the devcontainer Feature as it is published; return its folder."""
    script = TOP / "scripts/feature.sh"
    subprocess.run([script, folder], check=True, timeout=BUILD_TIMEOUT, stdout=subprocess.DEVNULL)
    return folder / "src" / FEATURE


def copy_feature(feature: Path, folder: Path) -> None:
    """Put a built Feature beside a devcontainer.json, where one lies that is not published."""
    shutil.copytree(feature, folder / feature.name)


def build_image(name: str, dockerfile: Path, context: Path, **arguments: str) -> None:
    """Build an image as a stranger would: by a Dockerfile."""
    words = [word for item in arguments.items() for word in ("--build-arg", "=".join(item))]
    subprocess.run(
        [DOCKER, "build", "--quiet", "--file", dockerfile, *words, "--tag", name, context],
        check=True, env=os.environ | {"DOCKER_BUILDKIT": "1"}, timeout=BUILD_TIMEOUT,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def built(dockerfile: Path, context: Path, **arguments: str) -> Iterator[str]:
    """Build an image under a name of its own; remove it at the end."""
    name = f"dev8-test-stranger:{uuid.uuid4().hex[:8]}"
    build_image(name, dockerfile, context, **arguments)
    try:
        yield name
    finally:
        docker("image", "rm", "--force", name)


@contextmanager
def built_stranger(context: Path) -> Iterator[str]:
    """Build an image that has git, sshd, Python and a user, and nothing of ours.

    `context` is any folder: nothing in it is used.
    """
    dockerfile = Path(__file__).with_name("stranger.Dockerfile")
    with built(dockerfile, context, SYSTEM_IMAGE=f"dev8-base-system:{TAG}") as name:
        yield name


def check_image(name: str) -> "subprocess.CompletedProcess[str]":
    """Run `make check-image` on an image."""
    return subprocess.run(
        [TOP / "scripts/check-image.sh", name],
        check=False, capture_output=True, text=True, timeout=BUILD_TIMEOUT,
    )  # fmt: skip
