"""scripts/sign.sh with the real cosign and a real registry: what verifies, what does not."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.image_registry import PASSWORD, USER, Registry, serving
from tests.e2e.release import TOP, Release, releasing, repository
from tests.worlds.authority import Authority
from tests.worlds.containers import DOCKER, docker
from tests.worlds.needs import need

ARCHITECTURES = ("amd64", "arm64")
OFFLINE = ("--insecure-ignore-tlog=true",)
"""A key of our own is in no public log."""

pytestmark = pytest.mark.skipif(
    Path(DOCKER).name == "podman", reason="a release is pushed with docker"
)


@dataclass(frozen=True)
class Published:
    """A release that was pushed and signed, and who looks at it."""

    release: Release
    digests: dict[str, str]

    @property
    def name(self) -> str:
        """The image without a tag."""
        return f"{self.release.host}/{repository(self.release)}"

    def call(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run one of the release's scripts, with its login at the registry."""
        mine = {
            "DOCKER_CONFIG": str(self.release.folder / ".cache/docker"),
            "COSIGN_PASSWORD": "a pass phrase",
            **variables,
        }
        return subprocess.run(
            [self.release.folder / "scripts" / words[0], *words[1:]],
            cwd=self.release.folder, env=os.environ | mine,
            check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def cosign(self, *words: str) -> str:
        """Run cosign, which must succeed; return what it printed."""
        done = self.call("cosign.sh", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuse(self, *words: str) -> str:
        """Run cosign, which must fail; return what it said."""
        done = self.call("cosign.sh", *words)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def verify(self, image: str, key: str = "cosign.pub") -> tuple[str, ...]:
        """Return the words that verify the signature of an image."""
        return ("verify", "--key", key, *OFFLINE, image)

    def read_attestation(self, kind: str, image: str) -> dict[str, Any]:
        """Return the predicate of a verified attestation."""
        words = ("verify-attestation", "--key", "cosign.pub", *OFFLINE, "--type", kind, image)
        envelope = json.loads(self.cosign(*words).splitlines()[0])
        statement = json.loads(base64.b64decode(envelope["payload"]))
        assert {part["digest"]["sha256"] for part in statement["subject"]} == {
            image.partition("@sha256:")[2]
        }
        predicate: dict[str, Any] = statement["predicate"]
        return predicate


def add_scripts(release: Release) -> None:
    """Add to a release what signs it, and lists of contents that can be told from each other."""
    parts = ("scripts/sign.sh", "scripts/cosign.sh", "scripts/provenance.py", "docker/vex.json",
             "docker/base/fetch-program.sh", "requirements/cosign.txt")  # fmt: skip
    for part in parts:
        target = release.folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / part, target)
    shutil.copytree(TOP / ".cache/cosign", release.folder / ".cache/cosign")
    (release.folder / "reports").mkdir()
    for architecture in ARCHITECTURES:
        document = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "metadata": {"component": {"type": "container", "name": architecture}},
        }
        path = release.folder / f"reports/dev8-base-{architecture}.cdx.json"
        path.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def unsigned(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    """A release of two architectures, pushed."""
    fetched = subprocess.run(
        [TOP / "scripts/cosign.sh", "version"], check=False, capture_output=True, text=True
    )
    need(fetched.returncode == 0, f"no cosign: {fetched.stderr}")
    with releasing(tmp_path_factory.mktemp("release"), registry) as release:
        release.run("login", USER, stdin=PASSWORD)
        for architecture in ARCHITECTURES:
            release.build(architecture)
            release.run("images")
        digests = release.run("manifest", ARCHITECTURES=" ".join(ARCHITECTURES))
        add_scripts(release)
        yield Published(release, digests)


@pytest.fixture(scope="module")
def signed(unsigned: Published) -> Published:
    """The same, signed with a key."""
    unsigned.cosign("generate-key-pair")
    parts = [f"{name}={unsigned.digests[f'{name}_digest']}" for name in ARCHITECTURES]
    done = unsigned.call("sign.sh", unsigned.name, unsigned.digests["digest"], *parts,
                         COSIGN_KEY="cosign.key")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return unsigned


def test_the_signature_of_the_whole_and_of_each_architecture_verifies(signed: Published) -> None:
    for digest in signed.digests.values():
        if digest.startswith("sha256:"):
            told = json.loads(signed.cosign(*signed.verify(f"{signed.name}@{digest}")))
            assert [part["critical"]["image"]["docker-manifest-digest"] for part in told] == [
                digest
            ]


def test_each_architecture_has_its_own_contents_and_what_is_known_of_them(
    signed: Published,
) -> None:
    for architecture in ARCHITECTURES:
        image = f"{signed.name}@{signed.digests[f'{architecture}_digest']}"
        contents = signed.read_attestation("cyclonedx", image)
        assert contents["metadata"]["component"]["name"] == architecture
        known = signed.read_attestation("openvex", image)
        assert (
            known["statements"] == json.loads((TOP / "docker/vex.json").read_text())["statements"]
        )


def test_the_provenance_names_the_commit(signed: Published) -> None:
    image = f"{signed.name}@{signed.digests['digest']}"
    definition = signed.read_attestation("slsaprovenance1", image)["buildDefinition"]
    commit = signed.release.git("rev-parse", "HEAD")
    assert definition["externalParameters"]["source"]["digest"] == {"gitCommit": commit}


def test_another_key_does_not_verify(signed: Published) -> None:
    signed.cosign("generate-key-pair", "--output-key-prefix", "other")
    image = f"{signed.name}@{signed.digests['digest']}"
    assert "invalid signature" in signed.refuse(*signed.verify(image, "other.pub"))


def test_an_image_that_takes_the_tag_is_refused(signed: Published) -> None:
    """Whoever can write to the registry moves the tag to an image of theirs."""
    release = signed.release
    tag = f"{signed.name}:3.4"
    signed.cosign(*signed.verify(tag))
    docker("tag", forge(release), tag)
    docker("--config", str(release.folder / ".cache/docker"), "push", "--quiet", tag)
    assert "no signatures found" in signed.refuse(*signed.verify(tag))


def test_an_image_with_a_copied_signature_is_refused(signed: Published, registry: Registry) -> None:
    """They also copy the signature to where that of their image would be."""
    path = repository(signed.release)
    digest = push_forged(signed, "tampered").partition("@")[2]
    signature = registry.get(f"{path}/manifests/{as_tag(signed.digests['digest'])}")
    registry.put_manifest(path, as_tag(digest), signature)
    told = signed.refuse(*signed.verify(f"{signed.name}@{digest}"))
    assert "invalid or missing digest" in told or "no matching signatures" in told


def forge(release: Release, mark: str = "forged") -> str:
    """Build an image that is not of this release, other than with another mark; return its name."""
    release.build("amd64", ai_tools=mark)
    return f"dev8-base:{release.tag}"


def push_forged(published: Published, tag: str) -> str:
    """Push an image that is not of this release; return its name with the digest."""
    release, name = published.release, f"{published.name}:{tag}"
    docker("tag", forge(release, tag), name)
    docker("--config", str(release.folder / ".cache/docker"), "push", "--quiet", name)
    digests: list[str] = json.loads(docker("image", "inspect", name))[0]["RepoDigests"]
    return next(text for text in digests if text.startswith(published.name))


def as_tag(digest: str) -> str:
    """Return the tag under which cosign keeps the signature of an image."""
    return f"{digest.replace(':', '-')}.sig"


def test_contents_that_are_missing_stop_it_before_anything_is_signed(unsigned: Published) -> None:
    done = unsigned.call(
        "sign.sh", unsigned.name, unsigned.digests["digest"], f"riscv64=sha256:{0:064}"
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: there is no reports/dev8-base-riscv64.cdx.json to attach (make sbom)\n"
    )


def test_an_image_that_is_not_there_is_one_line(signed: Published) -> None:
    done = signed.call("sign.sh", signed.name, f"sha256:{7:064}", COSIGN_KEY="cosign.key")
    assert done.returncode == 1
    assert "MANIFEST_UNKNOWN" in done.stderr.splitlines()[-1]


# --- without a key: a workflow signs with its identity ------------------------------------------

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/OWNER/REPO/.github/workflows/release.yml@refs/tags/v0.2.0"
PRIVATE = (*OFFLINE, "--insecure-ignore-sct=true", "--ca-roots", "fulcio.crt")
"""The authority is a private one here, and it is in no public log either."""


def read_line(image: str) -> tuple[str, ...]:
    """Return the words by which docs/verify.md has people verify this image."""
    text = (TOP / "docs/verify.md").read_text()
    found = re.search(r"(?ms)^```sh\ncosign verify (.*?)^```$", text)
    assert found
    documented, *options = shlex.split(found[1].replace("\\\n", " "))
    assert documented == "ghcr.io/OWNER/dev8-mvp:0.2.0"
    return (image, *options)


def make_signer(published: Published, workflow: str, issuer: str) -> tuple[str, ...]:
    """Return the words by which cosign signs with a certificate of this identity."""
    folder, authority = published.release.folder, Authority("Fulcio")
    if not (folder / "workflow.key").exists():
        published.cosign("generate-key-pair", "--output-key-prefix", "workflow")
    public_key = (folder / "workflow.pub").read_bytes()
    certificate = authority.sign_workflow(public_key, workflow, issuer)
    (folder / "fulcio.crt").write_bytes(authority.own.certificate)
    (folder / "workflow.crt").write_bytes(certificate)
    return ("--key", "workflow.key", "--certificate", "workflow.crt",
            "--certificate-chain", "fulcio.crt", "--tlog-upload=false", "--yes")  # fmt: skip


def test_the_line_of_the_docs_takes_what_the_releases_workflow_has_signed(
    unsigned: Published,
) -> None:
    image = push_forged(unsigned, "by-the-workflow")
    signer = make_signer(unsigned, WORKFLOW, ISSUER)
    unsigned.cosign("sign", *signer, image)
    line = read_line(image)
    (told,) = json.loads(unsigned.cosign("verify", *line, *PRIVATE))
    assert told["critical"]["image"]["docker-manifest-digest"] == image.partition("@")[2]
    predicate = ("--type", "openvex", "--predicate", "docker/vex.json")
    unsigned.cosign("attest", *signer, *predicate, image)
    unsigned.cosign("verify-attestation", "--type", "openvex", *line, *PRIVATE)


OTHERS = {
    "a-branch": (WORKFLOW.replace("tags/v0.2.0", "heads/main"), ISSUER),
    "another-workflow": (WORKFLOW.replace("release.yml", "ci.yml"), ISSUER),
    "another-repository": (WORKFLOW.replace("OWNER", "MALLORY"), ISSUER),
    "a-longer-address": (f"https://example.com/?{WORKFLOW}", ISSUER),
    "another-issuer": (WORKFLOW, "https://gitlab.example.com"),
}


@pytest.mark.parametrize("tag", OTHERS)
def test_the_line_of_the_docs_refuses_what_anybody_else_has_signed(
    unsigned: Published, tag: str
) -> None:
    image = push_forged(unsigned, tag)
    unsigned.cosign("sign", *make_signer(unsigned, *OTHERS[tag]), image)
    told = unsigned.refuse("verify", *read_line(image), *PRIVATE)
    assert "none of the expected identities matched" in told
