"""scripts/push-feature.sh with a real registry: what is published, and how a client installs it."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent import __version__
from tests.e2e.image_registry import PASSWORD, USER, Registry, serving
from tests.worlds.containers import DOCKER
from tests.worlds.devcontainers import bring_up, need_client, run_client
from tests.worlds.needs import need
from tests.worlds.strangers import FEATURE, TOP, build_feature, built_stranger

SCRIPT = TOP / "scripts/push-feature.sh"

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="a release is pushed with docker"
)


def push(*words: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Publish a Feature."""
    return subprocess.run(
        [SCRIPT, *words], env=os.environ | variables,
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def as_user(registry: Registry, password: str = PASSWORD) -> str:
    """Return the variable by which the client signs in where there is no `docker login`."""
    return f"{registry.host}|{USER}|{password}"


@dataclass(frozen=True)
class Published:
    """A Feature in a registry."""

    registry: Registry
    folder: Path
    said: dict[str, str]

    @property
    def path(self) -> str:
        """The repository in the registry."""
        return self.said["name"].partition("/")[2]

    def manifest(self, tag: str) -> bytes:
        return self.registry.get(f"{self.path}/manifests/{tag}")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    need_client()
    folder = tmp_path_factory.mktemp("feature")
    build_feature(folder)
    with serving() as served:
        registry = Registry(
            served.host.replace("127.0.0.1", "localhost")
        )  # http for this name alone
        target = {"DOCKER_REGISTRY": f"{registry.host}/Owner"}
        done = push(folder, **target, DEVCONTAINERS_OCI_AUTH=as_user(registry))
        assert done.returncode == 0, done.stderr
        said = dict(line.split("=", 1) for line in done.stdout.splitlines())
        yield Published(registry, folder, said)


def test_it_has_the_tags_by_which_projects_name_it(published: Published) -> None:
    assert published.said["name"] == f"{published.registry.host}/owner/features/{FEATURE}"
    major, minor, _ = __version__.split(".")
    wanted = {"latest", major, f"{major}.{minor}", __version__}
    assert set(published.registry.tags(published.path)) == wanted
    digests = {hashlib.sha256(published.manifest(tag)).hexdigest() for tag in wanted}
    assert {f"sha256:{digest}" for digest in digests} == {published.said["digest"]}


def test_it_is_laid_out_as_clients_read_it(published: Published) -> None:
    """https://containers.dev/implementors/features-distribution/#oci-registry"""
    manifest: dict[str, Any] = json.loads(published.manifest(__version__))
    assert manifest["config"]["mediaType"] == "application/vnd.devcontainers"
    (layer,) = manifest["layers"]
    assert layer["mediaType"] == "application/vnd.devcontainers.layer.v1+tar"
    properties = json.loads(manifest["annotations"]["dev.containers.metadata"])
    assert (properties["id"], properties["version"]) == (FEATURE, __version__)


def test_the_file_of_the_release_has_what_was_published(published: Published) -> None:
    (layer,) = json.loads(published.manifest(__version__))["layers"]
    file = TOP / "reports" / layer["annotations"]["org.opencontainers.image.title"]
    blob = published.registry.get(f"{published.path}/blobs/{layer['digest']}")
    assert read_members(blob) == read_members(file.read_bytes())


def read_members(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of each file in an archive."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        for member in packed:
            if content := packed.extractfile(member):
                found[member.name] = (member.mode, content.read())
    assert found
    return found


def test_what_it_is_made_of_is_listed(published: Published) -> None:
    """Of both architectures: the packages in its wheels, and what its programs are linked from."""
    document = json.loads((TOP / f"reports/{FEATURE}-all.cdx.json").read_text())
    assert document["metadata"]["component"]["name"] == FEATURE
    listed = {
        (kind, part["name"].lower().replace("_", "-"), part["version"])
        for part in document["components"]
        if (kind := part.get("purl", "").partition("/")[0]) and part.get("version")
    }
    for wheel in (published.folder / "src" / FEATURE / "wheels").glob("*.whl"):
        name, version = wheel.name.split("-")[:2]
        assert ("pkg:pypi", name.lower().replace("_", "-"), version) in listed
    names = {name for kind, name, _ in listed if kind == "pkg:golang"}
    assert {"github.com/restic/restic/cmd/restic", "github.com/cli/go-gh/v2"} <= names
    assert str(TOP) not in json.dumps(document)
    lines = (TOP / f"reports/{FEATURE}-all.packages.txt").read_text().splitlines()
    assert f"pypi    {FEATURE} {__version__}" in lines


def test_its_contents_are_attached_where_it_is_signed(published: Published, tmp_path: Path) -> None:
    registry, digest = published.registry, published.said["digest"]
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": login}}}))
    variables = {
        "DOCKER_CONFIG": str(tmp_path),
        "COSIGN_PASSWORD": "a pass phrase",
        "COSIGN_KEY": f"{tmp_path}/cosign.key",
    }

    def run(script: str, *words: str) -> str:
        done = subprocess.run(
            [TOP / "scripts" / script, *words], env=os.environ | variables, cwd=tmp_path,
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    fetched = subprocess.run([TOP / "scripts/cosign.sh", "version"], check=False)
    need(fetched.returncode == 0, "no cosign")
    run("cosign.sh", "generate-key-pair")
    image = f"{published.said['name']}@{digest}"
    run("sign.sh", published.said["name"], digest, f"all={digest}")
    offline = ("--key", "cosign.pub", "--insecure-ignore-tlog=true")
    said = run("cosign.sh", "verify-attestation", *offline, "--type", "cyclonedx", image)
    statement = json.loads(base64.b64decode(json.loads(said.splitlines()[0])["payload"]))
    assert statement["predicate"]["metadata"]["component"]["name"] == FEATURE


def test_a_version_that_is_there_stays_as_it_is_and_is_not_signed(published: Published) -> None:
    """It may be somebody else's."""
    before = published.manifest(__version__)
    done = push(
        published.folder, DOCKER_REGISTRY=f"{published.registry.host}/owner",
        DEVCONTAINERS_OCI_AUTH=as_user(published.registry),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{__version__}: it is there already, and may be somebody else's" in done.stderr
    assert published.manifest(__version__) == before


def test_a_wrong_password_is_one_line(published: Published) -> None:
    host = published.registry.host
    done = push(
        published.folder, DOCKER_REGISTRY=f"{host}/owner",
        DEVCONTAINERS_OCI_AUTH=as_user(published.registry, "wrong"),
    )  # fmt: skip
    assert done.returncode == 1
    assert f"{host} does not accept the credentials (docker login {host})" in done.stderr
    assert done.stdout == ""


def test_what_is_no_release_is_refused(published: Published, tmp_path: Path) -> None:
    shutil.copytree(published.folder / "src" / FEATURE, tmp_path / "src" / FEATURE)
    file = tmp_path / "src" / FEATURE / "devcontainer-feature.json"
    file.write_text(file.read_text().replace(f'"version": "{__version__}"', '"version": "9.9.9"'))
    done = push(tmp_path, DOCKER_REGISTRY=f"{published.registry.host}/owner")
    assert f"it is not version {__version__}" in done.stderr
    assert push().stderr == (
        "error: there is no registry to push to (DOCKER_REGISTRY=ghcr.io/owner)\n"
    )


def test_a_project_installs_it_from_the_registry(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVCONTAINERS_OCI_AUTH", as_user(published.registry))
    named = f"{published.said['name']}:{__version__.rpartition('.')[0]}"
    with built_stranger(tmp_path) as image:
        document = {
            "image": image,
            "remoteUser": "coder",
            "features": {named: {}},
            "containerEnv": {"DEV8_AI_TOOLS": "off", "DEV8_GITHUB_API_URL": "http://127.0.0.1:1"},
        }
        with bring_up(tmp_path, document) as project:
            assert "agent.init" in project.call("exec", "cat", "/proc/1/cmdline")
            assert project.status()["phase"] == "ready"
            folder = str(project.folder)
            said = run_client("outdated", "--workspace-folder", folder, "--output-format", "json")
            assert json.loads(said)["features"][named]["current"] == __version__
