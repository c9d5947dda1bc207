"""scripts/push.sh against a real registry with passwords, on loopback."""

import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.worlds.builds import read_default
from tests.worlds.containers import BASE, DOCKER, TAG, docker, find_free_port
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
TOOLS = f"dev8-test:{TAG}"
USER, PASSWORD = "maintainer", "correct horse"
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
    "ai_tools": "",
}
"""What a release is built with."""
CONFIGURATION = """
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: ":5000"}
auth: {htpasswd: {realm: test, path: /tmp/passwords}}
"""
SERVE = """
htpasswd -iBc /tmp/passwords "$1" <<END
$2
END
printf %s "$3" >/tmp/registry.yml
exec docker-registry serve /tmp/registry.yml
"""

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="a release is pushed with docker"
)


@dataclass(frozen=True)
class Registry:
    """A registry that runs, and what it holds."""

    host: str

    def get(self, path: str, user: str = USER) -> bytes:
        """Return what the registry's API answers. Raises HTTPError."""
        request = urllib.request.Request(f"http://{self.host}/v2/{path}")
        credentials = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def answers(self) -> bool:
        """Tell whether the registry takes the password."""
        try:
            return self.get("") == b"{}"
        except OSError:
            return False

    def tags(self, name: str) -> list[str]:
        """Return the tags of a repository, sorted."""
        try:
            return sorted(json.loads(self.get(f"{name}/tags/list"))["tags"])
        except urllib.error.HTTPError:
            return []


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    name, port = f"dev8-test-{uuid.uuid4().hex[:8]}", find_free_port()
    docker(
        "run", "--detach", "--name", name, "-p", f"127.0.0.1:{port}:5000",
        TOOLS, "sh", "-euc", SERVE, "sh", USER, PASSWORD, CONFIGURATION,
    )  # fmt: skip
    try:
        found = Registry(f"127.0.0.1:{port}")
        wait_until(found.answers, "the registry's start")
        yield found
    finally:
        docker("rm", "--force", "--volumes", name)


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
            *(f"lib/{part}.sh" for part in ("docker", "files", "images", "messages")),
        ):
            target = self.folder / "scripts" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / "scripts" / name, target)
        shutil.copy(TOP / ".gitignore", self.folder)
        for name in ("base", "mvp"):
            (self.folder / "docker" / name).mkdir(parents=True)
            shutil.copy(TOP / "docker" / name / "Dockerfile", self.folder / "docker" / name)
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


@pytest.fixture
def release(registry: Registry, tmp_path: Path) -> Iterator[Release]:
    """A release whose images go to a corner of the registry of its own."""
    made = Release(tmp_path, registry.host)
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


def test_what_is_pulled_is_what_was_pushed(registry: Registry, release: Release) -> None:
    release.build()
    architecture = docker("version", "--format", "{{.Server.Arch}}")
    image = docker("image", "inspect", "--format", "{{.Id}}", f"dev8-base:{release.tag}")
    release.run("login", USER, stdin=PASSWORD)
    digests = release.run()
    assert digests.keys() == {"name", "digest", f"{architecture}_digest"}
    assert digests["name"] == f"{registry.host}/{repository(release)}"
    mine = f"{VERSION}-{architecture}"
    assert registry.tags(repository(release)) == [MINOR, VERSION, mine, "latest"]
    docker("image", "rm", f"{registry.host}/{repository(release)}:{mine}")
    for tag in (f":{VERSION}", ":latest", f"@{digests['digest']}"):
        name = f"{registry.host}/{repository(release)}{tag}"
        docker("--config", str(release.folder / ".cache/docker"), "pull", "--quiet", name)
        assert docker("image", "inspect", "--format", "{{.Id}}", name) == image
        docker("image", "rm", name)


def test_one_name_serves_both_architectures(registry: Registry, release: Release) -> None:
    release.run("login", USER, stdin=PASSWORD)
    pushed: dict[str, str] = {}
    for architecture in ("amd64", "arm64"):
        release.build(architecture)
        pushed |= release.run("images")
    digests = release.run("manifest", ARCHITECTURES="amd64 arm64")
    assert pushed.items() <= digests.items()
    index = json.loads(registry.get(f"{repository(release)}/manifests/{digests['digest']}"))
    assert {
        f"{part['platform']['architecture']}_digest": part["digest"] for part in index["manifests"]
    } == pushed


def test_a_newer_release_keeps_the_moving_tags(registry: Registry, release: Release) -> None:
    release.git("tag", "v3.10.0")
    release.git("tag", "v4.0.0rc1")
    release.build("arm64")
    release.run("login", USER, stdin=PASSWORD)
    release.run("images")
    release.run("manifest", ARCHITECTURES="arm64")
    assert registry.tags(repository(release)) == [MINOR, VERSION, f"{VERSION}-arm64"]


def test_only_a_clean_tagged_tree_is_a_release(release: Release) -> None:
    (release.folder / "new").touch()
    assert "the tree has changes that are not committed" in release.refuse()
    release.git("add", "--all")
    release.git("commit", "--quiet", "--message", "more")
    assert release.refuse() == (
        f"error: cannot push: pyproject.toml says {VERSION} and HEAD's tag is missing"
        f" (git tag v{VERSION})"
    )
    release.git("tag", "v9.9.9")
    assert release.refuse("check") == release.refuse()
    assert f"pyproject.toml says {VERSION} and HEAD's tag is v9.9.9" in release.refuse()


def test_images_of_another_commit_are_refused(release: Release) -> None:
    assert release.refuse() == f"error: there is no image dev8-base:{release.tag} (make build)"
    dirty = release.git("rev-parse", "HEAD") + "-dirty"
    release.build("arm64", revision=dirty)
    assert f"was built from {dirty}, not from HEAD" in release.refuse()


def test_images_with_tools_that_may_not_be_passed_on_are_refused(release: Release) -> None:
    release.build("arm64", ai_tools="claude codex")
    assert release.refuse() == (
        f"error: cannot push dev8-base:{release.tag}: it holds claude codex, which may not be"
        " passed on (AI_TOOLS= make build)"
    )


def test_an_image_on_another_base_than_the_pinned_one_is_refused(release: Release) -> None:
    for digest in ("", f"sha256:{'6' * 64}"):
        release.build("arm64", base_name=PINNED, base_digest=digest)
        assert release.refuse() == (
            f"error: cannot push dev8-base:{release.tag}: it is built on"
            f" {PINNED}@{digest or 'unknown'}, and docker/base/images.txt has {DIGEST} (make build)"
        )
    release.build("arm64", base_name=PINNED, base_digest=DIGEST)
    assert "built on" not in release.refuse()


@pytest.mark.parametrize(
    ("image", "label", "value", "advice"),
    [
        ("base", "sudo", "on", "SUDO"),
        ("base", "python_version", "python3.12", "PYTHON_VERSION"),
        ("mvp", "sudo", "on", "SUDO"),
        ("mvp", "node_major", "22", "NODE_MAJOR"),
        ("mvp", "go_version", "1.27", "GO_VERSION"),
    ],
)
def test_a_variant_is_never_published_under_the_ordinary_name(
    release: Release, image: str, label: str, value: str, advice: str
) -> None:
    """With SUDO=on whoever runs the image is root."""
    release.build("arm64", image, **{label: value})
    line = release.refuse(IMAGE=image)
    assert f"it is a variant, built with {advice}={value.removeprefix('python')}" in line
    assert line.endswith(f"({advice}= make build)")
    release.build("arm64", image, **{label: None})
    assert f"it does not say with which {advice} it was built" in release.refuse(IMAGE=image)


def test_credentials_that_are_not_accepted_are_one_line(
    registry: Registry, release: Release
) -> None:
    release.build("arm64")
    message = f"{registry.host} does not accept the credentials (docker login {registry.host})"
    assert release.refuse().endswith(message)
    assert release.refuse("login", USER, stdin="wrong").endswith(message)
    assert "stdin holds no password" in release.refuse("login", USER, stdin="\n")
    assert registry.tags(repository(release)) == []


def test_a_registry_that_is_not_there_is_one_line(release: Release) -> None:
    release.build("arm64")
    nowhere = f"127.0.0.1:{find_free_port()}/{release.corner}"
    line = release.refuse(DOCKER_REGISTRY=nowhere)
    assert "connection refused" in line
    assert line.endswith(f"(is DOCKER_REGISTRY={nowhere} right?)")
    assert "there is no registry" in release.refuse(DOCKER_REGISTRY="")


def test_the_password_is_in_no_argument_and_no_output(release: Release) -> None:
    done = release.call("login", USER, stdin=PASSWORD)
    assert PASSWORD not in done.stdout + done.stderr
    log = release.folder / ".cache/push.log"
    assert PASSWORD not in log.read_text()
