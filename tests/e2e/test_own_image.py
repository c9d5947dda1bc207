"""The three ways of docs/own-image.md, and the Feature as `devcontainer features test` sees it.

They build many images, so they run on demand: `make test-own-image`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.machine.formats.jsonc import parse_lenient
from tests.worlds.containers import BASE, docker
from tests.worlds.devcontainers import need_client, remove_images, run_client
from tests.worlds.strangers import (
    FEATURE,
    TOP,
    build_feature,
    built,
    built_stranger,
    check_image,
    copy_feature,
)

RANDOMLY = "with randomized options"
EXAMPLES = TOP / "deploy/own-image"
LEFT_BEHIND = "vsc-[0-9]*-features*"
"""Images of `devcontainer features test`, which names its projects by the time."""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody else's image."""
    with built_stranger(tmp_path_factory.mktemp("context")) as name:
        yield name


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Features with its tests."""
    folder = tmp_path_factory.mktemp("feature")
    build_feature(folder)
    return folder


def strip_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def expect_nothing_missing(image: str) -> None:
    done = check_image(image)
    assert done.stdout == f"nothing is missing in {image}\n", done.stdout + done.stderr
    assert done.returncode == 0


def test_an_image_made_from_ours_lacks_nothing(tmp_path: Path) -> None:
    with built(EXAMPLES / "from-base/Dockerfile", tmp_path, IMAGE=BASE) as image:
        expect_nothing_missing(image)


def test_an_image_into_which_the_agent_is_copied_lacks_nothing(
    stranger: str, tmp_path: Path
) -> None:
    arguments = {"AGENT_IMAGE": BASE, "IMAGE": stranger}
    with built(EXAMPLES / "copy/Dockerfile", tmp_path, **arguments) as image:
        expect_nothing_missing(image)


def test_an_image_with_the_feature_lacks_nothing(
    stranger: str, published: Path, tmp_path: Path
) -> None:
    need_client()
    folder = tmp_path / ".devcontainer"
    folder.mkdir()
    properties = parse_lenient((EXAMPLES / "feature/.devcontainer/devcontainer.json").read_text())
    properties |= {"image": stranger, "remoteUser": "coder"}
    (folder / "devcontainer.json").write_text(json.dumps(properties))
    copy_feature(published / "src" / FEATURE, folder)
    name = stranger.replace("stranger", "featured")
    run_client("build", "--workspace-folder", str(tmp_path), "--image-name", name)
    try:
        expect_nothing_missing(name)
    finally:
        docker("image", "rm", "--force", name)


def test_the_features_own_tests_pass(stranger: str, published: Path) -> None:
    """By default, twice with other options, and in each scenario; no image is left behind."""
    need_client()
    scenarios = published / "test" / FEATURE / "scenarios.json"
    scenarios.write_text(scenarios.read_text().replace("debian:12", stranger))
    words = ("--features", FEATURE, "--base-image", stranger, "--remote-user", "coder")
    try:
        said = run_client("features", "test", *words, str(published), timeout=1800)
    finally:
        remove_images(LEFT_BEHIND)
    passed = re.findall("(?m)Passed: +'(.*)'$", strip_colours(said))
    assert passed == [FEATURE, "background", "lean", f"{FEATURE} executed twice {RANDOMLY}"]
    assert "Passed 'git is told once'" in said, "else the client calls a dead container a success"
    assert docker("image", "ls", "--quiet", LEFT_BEHIND) == ""
