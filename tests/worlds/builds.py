"""Builds of single targets of the images."""

import os
import subprocess
from pathlib import Path

from scripts.variants import read_default
from tests.worlds.containers import DOCKER

TOP = Path(__file__).resolve().parents[2]
CERTIFICATES = os.environ.get("CA_BUNDLE") or "/etc/ssl/certs/ca-certificates.crt"
TIMEOUT = 900.0


def find_base_image() -> str:
    """Return what the images are built from, as scripts/build.sh finds it."""
    done = subprocess.run(
        [TOP / "scripts/rootfs.sh"], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def build_target(folder: str, target: str, name: str, **arguments: str) -> None:
    """Build a target of docker/FOLDER/Dockerfile as scripts/build.sh would, and name it."""
    arguments = {"BASE_IMAGE": find_base_image(), **arguments}
    words = [word for item in arguments.items() for word in ("--build-arg", "=".join(item))]
    if Path(CERTIFICATES).exists():
        words += ["--secret", f"id=ca,src={CERTIFICATES}"]
    subprocess.run(
        [DOCKER, "build", "--quiet", "--file", f"docker/{folder}/Dockerfile",
         "--target", target, *words, "--tag", name, "."],
        check=True, cwd=TOP, env=os.environ | {"DOCKER_BUILDKIT": "1"}, timeout=TIMEOUT,
    )  # fmt: skip


def pick_version(argument: str) -> str:
    """Return the value of a build argument of dev8-mvp: the environment's, or the default."""
    return os.environ.get(argument) or read_default(argument)
