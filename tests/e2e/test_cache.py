"""scripts/cache.sh: the stages of the images leave one machine and arrive at the next."""

import json
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.variants import TABLE
from tests.worlds.containers import BASE, DOCKER, docker

TOP = Path(__file__).resolve().parents[2]
DOCKERFILES = {
    "base": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS builder\nRUN echo one >/tmp/one\n"
    "FROM scratch AS agent\nCOPY --from=builder /tmp/one /\n"
    "FROM builder AS system\nRUN echo two >/tmp/two\nFROM system AS base\n",
    "mvp": "ARG SYSTEM_IMAGE\nARG VARIANT=mvp\nFROM ${SYSTEM_IMAGE} AS with-ide\n"
    "RUN echo ide >/tmp/ide\n"
    "FROM with-ide AS with-java\nRUN exit 1\n"
    "FROM with-ide AS with-mvp\nRUN echo three >/tmp/three\n"
    "FROM with-${VARIANT} AS image\n",
}
STAGES = {"base-builder", "base-agent", "base-system", "base-base"} | {
    "mvp-with-ide",
    "mvp-with-mvp",
    "mvp-image",
}
INLINE_CACHE = "moby.buildkit.cache.v0"
"""Where BuildKit keeps in an image what it needs to take a stage as it is."""

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="podman keeps no stages in an image"
)


@pytest.fixture
def tag() -> Iterator[str]:
    tag = f"cache-{uuid.uuid4().hex[:8]}"
    yield tag
    names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"dev8-*:{tag}").split()
    if names:
        docker("image", "rm", "--force", *names)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the real scripts and small Dockerfiles."""
    shutil.copytree(TOP / "scripts", tmp_path / "scripts")
    shutil.copy(TOP / "pyproject.toml", tmp_path)
    for name, text in DOCKERFILES.items():
        (tmp_path / "docker" / name).mkdir(parents=True)
        (tmp_path / "docker" / name / "Dockerfile").write_text(text)
    shutil.copy(TOP / "docker/base/images.txt", tmp_path / "docker/base")
    shutil.copytree(TABLE.parent, tmp_path / "docker/variants")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def call(tree: Path, action: str, tag: str) -> str:
    """Run cache.sh, which must succeed; return what it said."""
    done = subprocess.run(
        [tree / "scripts/cache.sh", action],
        env=os.environ | {"VERSION": tag, "BASE_IMAGE": BASE},
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def list_stages(tag: str) -> set[str]:
    prefix = "dev8-stage-"
    names = docker("image", "ls", "--format", "{{.Repository}}", f"{prefix}*:{tag}").split()
    return {name.removeprefix(prefix) for name in names}


def test_every_stage_is_saved_with_what_buildkit_needs_and_loaded(tree: Path, tag: str) -> None:
    call(tree, "save", tag)
    with tarfile.open(tree / ".cache/stages.tar") as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        for image in json.load(member):
            config = tar.extractfile(image["Config"])
            assert config is not None
            assert INLINE_CACHE in json.load(config), image["RepoTags"]
    assert list_stages(tag) == STAGES
    docker("image", "rm", *(f"dev8-stage-{stage}:{tag}" for stage in STAGES))
    assert list_stages(tag) == set()
    call(tree, "load", tag)
    assert list_stages(tag) == STAGES


def test_without_a_file_everything_is_built_anew(tree: Path, tag: str) -> None:
    assert "everything is built anew" in call(tree, "load", tag)
