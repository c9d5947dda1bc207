"""A clone tagged as a release, with images that scripts/push.sh may publish."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from scripts.variants import TABLE, read_default
from tests.e2e.image_registry import Registry
from tests.worlds.containers import BASE, DOCKER, docker

TOP = Path(__file__).resolve().parents[2]
VERSION, MINOR = "3.4.5", "3.4"
MADE_WITH = "devcopilot."
ELSEWHERE = {
    "revision": "org.opencontainers.image.revision",
    "base_name": "org.opencontainers.image.base.name",
    "base_digest": "org.opencontainers.image.base.digest",
}
"""The labels that have names of their own."""
PINNED, DIGEST = "ubuntu:22.04", f"sha256:{'5' * 64}"
DEFAULTS = {
    "sudo": "off",
    "python_version": read_default("PYTHON"),
    "node_major": read_default("NODE_MAJOR"),
    "go_version": read_default("GO_VERSION"),
    "java_version": read_default("JAVA_VERSION"),
    "ai_tools": "",
}
"""What a release is built with."""


@dataclass
class Release:
    """A clone with the scripts in it, tagged as a release, and its images."""

    folder: Path
    host: str
    corner: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    """What sets its repositories apart from those of other tests."""
    tag: str = field(default_factory=lambda: f"push-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        for name in (
            "push.sh",
            *(f"lib/{part}.sh" for part in ("docker", "files", "images", "messages", "variants")),
        ):
            target = self.folder / "scripts" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / "scripts" / name, target)
        shutil.copy(TOP / ".gitignore", self.folder)
        for name in ("base", "mvp"):
            (self.folder / "docker" / name).mkdir(parents=True)
            shutil.copy(TOP / "docker" / name / "Dockerfile", self.folder / "docker" / name)
        (self.folder / "docker/variants").mkdir()
        shutil.copy(TABLE, self.folder / "docker/variants")
        (self.folder / "docker/base/images.txt").write_text(f"{PINNED} {DIGEST}\n")
        (self.folder / "pyproject.toml").write_text(f'[project]\nversion = "{VERSION}"\n')
        self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "release")
        self.git("tag", f"v{VERSION}")

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.com")
        return subprocess.run(
            ["git", *identity, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def build(self, architecture: str = "", name: str = "base", **labels: str | None) -> None:
        """Build an image from this commit; for an architecture it is a small one.

        Its labels are those of a release, but for what is said here; None leaves one out.
        """
        source = "FROM scratch\nCOPY pyproject.toml /" if architecture else f"FROM {BASE}"
        platform = ("--platform", f"linux/{architecture}") if architecture else ()
        given = {"revision": self.git("rev-parse", "HEAD"), **DEFAULTS, **labels}
        words = [
            f"--label={ELSEWHERE.get(label) or MADE_WITH + label.replace('_', '-')}={value}"
            for label, value in given.items()
            if value is not None
        ]
        subprocess.run(
            [DOCKER, "build", "--quiet", *platform, *words,
             "--tag", f"dev8-{name}:{self.tag}", "--file", "-", "."],
            cwd=self.folder, input=source, text=True, check=True, capture_output=True,
            env=os.environ | {"DOCKER_BUILDKIT": "1"},
        )  # fmt: skip

    def call(
        self, *words: str, stdin: str = "", **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run push.sh with credentials of its own: none before `login`."""
        mine = {
            "DOCKER_REGISTRY": f"{self.host}/{self.corner}/Owner",
            "DOCKER_CONFIG": str(self.folder / ".cache/docker"),
            "IMAGE": "base",
            "VERSION": self.tag,
            **variables,
        }
        return subprocess.run(
            [self.folder / "scripts/push.sh", *words],
            env=os.environ | mine, input=stdin,
            check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def run(self, *words: str, stdin: str = "", **variables: str) -> dict[str, str]:
        """Run push.sh, which must succeed; return the names and values that it printed."""
        done = self.call(*words, stdin=stdin, **variables)
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def refuse(self, *words: str, stdin: str = "", **variables: str) -> str:
        """Run push.sh, which must fail; return the one line of its error."""
        done = self.call(*words, stdin=stdin, **variables)
        assert done.returncode == 1, done.stdout
        assert done.stdout == ""
        lines = [line for line in done.stderr.splitlines() if not line.startswith("==> ")]
        assert len(lines) == 1, done.stderr
        return lines[0]


@contextmanager
def releasing(folder: Path, registry: Registry) -> Iterator[Release]:
    """Make a release in a folder; its images are gone at the end."""
    made = Release(folder, registry.host)
    try:
        yield made
    finally:
        names = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        for name in names:
            if made.tag in name or made.corner in name:
                with suppress(subprocess.CalledProcessError):
                    docker("image", "rm", "--force", name)


def repository(release: Release) -> str:
    """Return the path of dev8-base in the registry."""
    return f"{release.corner}/owner/dev8-base"
