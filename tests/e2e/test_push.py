"""scripts/push.sh against a real registry with passwords, on loopback."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.image_registry import PASSWORD, USER, Registry, serving
from tests.e2e.release import DIGEST, MINOR, PINNED, VERSION, Release, releasing, repository
from tests.worlds.containers import BASE, DOCKER, docker, find_free_port

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="a release is pushed with docker"
)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serving() as found:
        yield found


@pytest.fixture
def release(registry: Registry, tmp_path: Path) -> Iterator[Release]:
    """A release whose images go to a corner of the registry of its own."""
    with releasing(tmp_path, registry) as made:
        yield made


def find_base() -> str:
    """Return what dev8-base is built on, as a tag calls it."""
    label = '{{index .Config.Labels "org.opencontainers.image.base.name"}}'
    name = docker("image", "inspect", "--format", label, BASE)
    return "debian-12" if "rootfs" in name else name.rpartition("/")[2].replace(":", "-")


def test_what_is_pulled_is_what_was_pushed(registry: Registry, release: Release) -> None:
    release.build()
    architecture = docker("version", "--format", "{{.Server.Arch}}")
    image = docker("image", "inspect", "--format", "{{.Id}}", f"dev8-base:{release.tag}")
    release.run("login", USER, stdin=PASSWORD)
    digests = release.run()
    assert digests.keys() == {"name", "digest", f"{architecture}_digest"}
    assert digests["name"] == f"{registry.host}/{repository(release)}"
    mine = f"{VERSION}-{architecture}"
    tags = {MINOR, VERSION, f"{VERSION}-{find_base()}", mine, "latest"}
    assert set(registry.tags(repository(release))) == tags
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
    assert registry.tags(repository(release)) == [
        *(MINOR, VERSION, f"{VERSION}-arm64", f"{VERSION}-ubuntu-22.04")
    ]


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
        ("java", "java_version", "21", "JAVA_VERSION"),
    ],
)
def test_what_was_built_with_other_options_is_never_published_under_the_ordinary_name(
    release: Release, image: str, label: str, value: str, advice: str
) -> None:
    """With SUDO=on whoever runs the image is root."""
    release.build("arm64", image, **{label: value})
    line = release.refuse(IMAGE=image)
    assert f"it was built with {advice}={value.removeprefix('python')}" in line
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
