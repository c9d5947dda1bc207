"""The digest of what images are built on: looked up, pinned, used and recorded, with a registry."""

import os
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.worlds.builds import find_base_image
from tests.worlds.clones import copy_tree
from tests.worlds.containers import DOCKER, TAG, TOOLS, docker, find_free_port
from tests.worlds.waiting import wait_until

BUILD_TIMEOUT = 900.0
KINDS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in ("docker.distribution.manifest.v2", "oci.image.manifest.v1")
)

pytestmark = pytest.mark.skipif(Path(DOCKER).name == "podman", reason="a registry without TLS")


@dataclass(frozen=True)
class Shelf:
    """A registry with one image, and a clone whose lock names it."""

    host: str
    clone: Path

    @property
    def name(self) -> str:
        return f"{self.host}/base:12"

    def push(self, image: str) -> str:
        """Let the name mean this image from now on; return its digest, as the registry says it."""
        docker("tag", image, self.name)
        docker("push", self.name)
        self.forget()
        request = urllib.request.Request(f"http://{self.host}/v2/base/manifests/12", method="HEAD")
        request.add_header("Accept", KINDS)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(answer.headers["Docker-Content-Digest"])

    def forget(self) -> None:
        """Remove every name that the engine has for it."""
        both = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
        for name in docker("image", "ls", "--digests", "--format", both).split():
            if name.startswith(self.host) and "<none>" not in name:
                with suppress(subprocess.CalledProcessError):
                    docker("image", "rm", name)

    def call(
        self, script: str, *words: str, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.clone / "scripts" / script, *words], check=True, capture_output=True, text=True,
            env=os.environ | {"BASE_IMAGE": self.name, **variables}, timeout=BUILD_TIMEOUT,
        )  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    box, port = f"dev8-test-{uuid.uuid4().hex[:8]}", find_free_port()
    storage = "storage: {filesystem: {rootdirectory: /tmp/registry}}"
    settings = f"version: 0.1\n{storage}\nhttp: {{addr: ':5000'}}\n"
    docker("run", "--detach", "--name", box, "-p", f"127.0.0.1:{port}:5000", TOOLS,
           "sh", "-euc", 'printf %s "$1" >/tmp/r.yml; exec docker-registry serve /tmp/r.yml',
           "sh", settings)  # fmt: skip
    found = Shelf(f"127.0.0.1:{port}", copy_tree(tmp_path))
    try:
        wait_until(lambda: answers(found.host), "the registry's start")
        (found.clone / "docker/base/images.txt").write_text(f"# kept\n{found.name} unknown\n")
        yield found
    finally:
        found.forget()
        docker("rm", "--force", "--volumes", box)


def answers(host: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{host}/v2/", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_build_stands_on_the_image_that_was_locked_whatever_its_name_means_now(
    shelf: Shelf,
) -> None:
    digest = shelf.push(find_base_image())
    unpinned = shelf.call("rootfs.sh")
    assert unpinned.stdout == f"{shelf.name}\n"
    assert f"docker/base/images.txt has no digest of {shelf.name}" in unpinned.stderr
    shelf.call("lock-images.sh")
    lock = shelf.clone / "docker/base/images.txt"
    assert lock.read_text() == f"# kept\n{shelf.name} {digest}\n"
    assert shelf.push(f"dev8-agent:{TAG}") != digest, "the name means another image"
    pinned = shelf.call("rootfs.sh")
    assert (pinned.stdout, pinned.stderr) == (f"{shelf.name}@{digest}\n", "")
    tag = f"test-{uuid.uuid4().hex[:8]}"
    try:
        shelf.call("build.sh", "base", VERSION=tag)
        labels = '{{index .Config.Labels "org.opencontainers.image.base.%s"}}'
        found = [docker("inspect", "--format", labels % name, f"dev8-base:{tag}")
                 for name in ("name", "digest")]  # fmt: skip
        assert found == [shelf.name, digest]
    finally:
        docker("image", "rm", "--force", f"dev8-base:{tag}")


def test_what_cannot_be_looked_up_keeps_its_digest(shelf: Shelf) -> None:
    lock = shelf.clone / "docker/base/images.txt"
    before = f"{shelf.host}/none:1 sha256:{'0' * 64}\n127.0.0.1:1/none:2 unknown\n"
    lock.write_text(before)
    said = shelf.call("lock-images.sh").stderr
    assert lock.read_text() == before
    assert f"{shelf.host}/none:1: not looked up, sha256:{'0' * 64} stays: " in said
    assert "127.0.0.1:1/none:2: not looked up, unknown stays: " in said
