"""What scripts/build.sh makes: no secret of who builds gets into an image; sudo only when asked."""

import gzip
import io
import os
import re
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.image.conftest import IDLE
from tests.worlds.archives import save_image
from tests.worlds.clones import close_to_others, copy_tree
from tests.worlds.containers import (
    ANY_UID,
    BASE,
    MVP,
    NO_PRIVILEGES,
    Container,
    Recipe,
    docker,
    running,
)

TOP = Path(__file__).resolve().parents[2]
CERTIFICATES = Path(os.environ.get("CA_BUNDLE") or "/etc/ssl/certs/ca-certificates.crt")
BUILD_TIMEOUT = 900.0


def build(tree: Path, tag: str, **variables: str) -> str:
    """Build dev8-base from a tree; return its name."""
    subprocess.run([tree / "scripts/build.sh", "base"], check=True, timeout=BUILD_TIMEOUT,
                   env=os.environ | {"VERSION": tag, **variables})  # fmt: skip
    return f"dev8-base:{tag}"


@pytest.fixture(scope="module")
def tag() -> Iterator[str]:
    """A tag of our own; what is built with it is gone at the end."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    yield name
    for image in docker("image", "ls", "--quiet", f"dev8-base:{name}*").split():
        docker("image", "rm", "--force", image)


# --- secrets ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planted:
    """An image that was built in the middle of secrets."""

    name: str
    secrets: tuple[str, ...]
    commit: str
    """What it was built from, and agent/new.py, which git did not know yet."""


def make_secrets(*names: str) -> dict[str, str]:
    """Return name -> a text that occurs nowhere else."""
    return {name: f"planted-{name}-{uuid.uuid4().hex}" for name in names}


@pytest.fixture(scope="module")
def planted(tag: str, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """dev8-base, built with a secret in every place where one may lie."""
    tree = copy_tree(tmp_path_factory.mktemp("tree"))
    secrets = make_secrets("certificate", "environment", "remote", "env", "key", "agent", "docker")
    for name, path in (("env", ".env"), ("key", ".dev8/ssh/id_ed25519"), ("agent", "agent/.env"),
                       ("docker", "docker/.env.local")):  # fmt: skip
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(f"SECRET={secrets[name]}\n")
    bundle = tree.parent / "certificates"
    bundle.write_text(f"# {secrets['certificate']}\n{CERTIFICATES.read_text()}")
    # A changed lock: every step to which the build hands its secret is carried out again.
    for lock in (tree / "requirements/build.txt", tree / "docker/base/gh.txt"):
        lock.write_text(f"{lock.read_text()}# {tag}\n")
    commit = commit_all(tree, f"https://octo:{secrets['remote']}@github.com/octo/repo.git")
    (tree / "agent/new.py").write_text('"""New."""\n')
    close_to_others(tree)
    name = build(tree, f"{tag}-planted", CA_BUNDLE=str(bundle),
                 GITHUB_TOKEN=secrets["environment"])  # fmt: skip
    return Planted(name, tuple(secrets.values()), commit)


def commit_all(tree: Path, remote: str) -> str:
    """Make a tree a clone of this remote with all in one commit; return its id."""
    git = ("git", "-C", str(tree), "-c", "user.name=T", "-c", "user.email=t@example.com")
    for words in (("init", "--quiet"), ("remote", "add", "origin", remote), ("add", "--all"),
                  ("commit", "--quiet", "--message", "all")):  # fmt: skip
        subprocess.run([*git, *words], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return head.stdout.strip()


def find_texts(data: bytes, texts: tuple[str, ...]) -> set[str]:
    return {text for text in texts if text.encode() in data}


def scan_layers(saved: Path, texts: tuple[str, ...]) -> set[str]:
    """Return which of the texts occur in what the engine saved of an image: layers and all."""
    found = set()
    with tarfile.open(saved) as image:
        for member in image:
            file = image.extractfile(member) if member.isfile() else None
            if file:
                data = file.read()
                found |= find_texts(data, texts) | find_texts(unpack(data), texts)
    return found


def unpack(data: bytes) -> bytes:
    """Return what a compressed layer holds; newer engines save them so."""
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read() if data[:2] == b"\x1f\x8b" else b""


def test_no_layer_holds_a_secret(planted: Planted, tmp_path: Path) -> None:
    known = "devcopilot, or you changed it".removeprefix("devcopilot, ")
    saved = save_image(tmp_path, planted.name)
    assert scan_layers(saved, (*planted.secrets, known)) == {known}, (
        "known: of agent/machine/planning/plan.py"
    )


def list_own_certificates() -> tuple[str, ...]:
    """Return a line of each certificate that this host added to the usual ones."""
    files = Path("/usr/local/share/ca-certificates").glob("**/*.crt")
    bundle = CERTIFICATES.read_text() if CERTIFICATES.exists() else ""
    lines = [file.read_text().splitlines() for file in files]
    return tuple(text[len(text) // 2] for text in lines if text[len(text) // 2] in bundle)


def test_no_layer_of_dev8_mvp_holds_a_certificate_of_who_builds(
    archive: Callable[[str], Path],
) -> None:
    """To plant one would mean to compile code-server anew: those that the build had must do."""
    certificates = list_own_certificates()
    if not certificates:
        pytest.skip("this host has no certificates of its own")
    known = "GitHub Copilot CLI License"
    assert scan_layers(archive(MVP), (*certificates, known)) == {known}


@pytest.mark.parametrize(
    "words",
    [("history", "--no-trunc", "--format", "{{json .}}"), ("inspect",)],
    ids=["history", "inspect"],
)
def test_the_engine_tells_no_secret(planted: Planted, words: tuple[str, ...]) -> None:
    told = docker(*words, planted.name)
    assert "devcopilot" in told
    assert find_texts(told.encode(), planted.secrets) == set()


def test_the_address_of_the_sources_is_told_without_its_password(planted: Planted) -> None:
    label = '{{index .Config.Labels "org.opencontainers.image.source"}}'
    assert docker("inspect", "--format", label, planted.name) == "https://github.com/octo/repo.git"


def list_modes(image: str) -> set[str]:
    """Return mode, owner and path of all that an image holds; links have no mode of their own."""
    found = docker("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "find", image,
                   "/", "-xdev", "!", "-type", "l", "-printf", "%m %U %G %p\n")  # fmt: skip
    return set(found.splitlines())


def test_the_modes_of_a_clone_reach_no_image(planted: Planted) -> None:
    """Where the umask is 077, git makes every file of a clone private to who cloned."""
    made, usual = list_modes(planted.name), list_modes(BASE)
    module = re.compile(r"/site-packages/agent/(__pycache__/)?__main__\.")
    new = {row.replace("__main__", "new") for row in usual if module.search(row)}
    assert len(new) == 2, "source and compiled"
    assert made == usual | new


def test_a_new_file_makes_the_revision_dirty(planted: Planted) -> None:
    """What git does not know yet gets into the agent's wheel all the same."""
    label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    assert docker("inspect", "--format", label, planted.name) == f"{planted.commit}-dirty"


# --- sudo ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_sudo(tag: str) -> str:
    """dev8-base, built with SUDO=on."""
    return build(TOP, f"{tag}-sudo", SUDO="on")


@pytest.fixture
def idle(with_sudo: str, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A container of that image in which nothing runs, with the options of the test."""
    options, command = IDLE
    with running(Recipe(with_sudo, (*request.param, *options), command)) as box:
        yield box


@pytest.mark.parametrize("idle", [()], indirect=True)
def test_sudo_makes_dev8_root_and_is_the_one_setuid_program(idle: Container) -> None:
    assert idle.execute("sudo", "-n", "id", "-u") == "0"
    found = idle.execute("find", "/", "-xdev", "-type", "f", "-perm", "/6000", user="0")
    assert found == "/usr/bin/sudo"


@pytest.mark.parametrize("idle", [ANY_UID], indirect=True)
def test_sudo_is_for_the_images_own_uid_alone(idle: Container) -> None:
    """Another uid has the name dev8 only as long as it asks for itself: sudo does not see it."""
    assert idle.execute("id", "-un") == "dev8"
    done = idle.call("sudo", "-n", "id", "-u")
    assert done.returncode != 0
    assert "passwd" in done.stderr


@pytest.mark.parametrize("idle", [NO_PRIVILEGES], indirect=True)
def test_no_new_privileges_stops_sudo(idle: Container) -> None:
    assert idle.call("sudo", "-n", "id", "-u").returncode != 0


def test_with_and_without_sudo_they_share_all_layers_below(tag: str) -> None:
    """Of builds right after each other: later ones may find equal layers of other builds' cache."""
    plain, other = (
        docker("inspect", "--format", '{{join .RootFS.Layers " "}}', name).split()
        for name in (build(TOP, f"{tag}-plain"), build(TOP, f"{tag}-sudo", SUDO="on"))
    )
    sudo, agent = -2, -1
    assert plain[:sudo] == other[:sudo]
    assert plain[sudo] != other[sudo]
    assert plain[agent] == other[agent]


def test_another_word_for_sudo_is_one_line() -> None:
    done = subprocess.run([TOP / "scripts/build.sh", "base"], check=False, capture_output=True,
                          text=True, env=os.environ | {"SUDO": "yes"})  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: unknown SUDO=yes (on or off)\n"


# --- options -----------------------------------------------------------------------------------


def test_who_builds_with_other_options_is_told_how_to_keep_it(with_sudo: str, tag: str) -> None:
    """`make up` and `make test` build too; without the same words they would undo it."""
    done = subprocess.run([TOP / "scripts/build.sh", "base"], check=True, capture_output=True,
                          text=True, timeout=BUILD_TIMEOUT,
                          env=os.environ | {"VERSION": f"{tag}-sudo", "SUDO": "on"})  # fmt: skip
    assert f"call them with VERSION={tag}-sudo SUDO='on'" in done.stderr
