"""Checks of the images by testinfra, in containers that do nothing but wait.

What is checked of dev8-base holds for the others as well, which are made from it: the tests in
base/ run on all of them, those in tools/ on those that have the editor and the tools that a test
needs (`needs_tools`). Those in any/ hold for any image with the agent: they run on all, or on the
one that --image names. Each runs in a plain container and in the strictest one, but those in tools/
only in the strictest: a tool that works there has all that it needs in a plain one as well.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from scripts.variants import Variant
from tests.image.shell import entering
from tests.worlds.containers import (
    BASE,
    CHOSEN,
    DOCKER,
    HARDENED,
    MVP,
    WORKSPACE,
    Container,
    Recipe,
    docker,
    running,
)
from tests.worlds.tools import find_image

HERE = Path(__file__).parent
IMAGES = (WORKSPACE,) if CHOSEN else (BASE, MVP)
"""The images that are tested, unless --image names another."""
MODES = {"writable": (), "hardened": HARDENED}
STRICTEST = ("hardened",)
ENGINE = Path(DOCKER).name
IDLE = (("--entrypoint", "/bin/sleep"), ("infinity",))


@dataclass(frozen=True)
class Image:
    """An image and what its engine says of it."""

    name: str
    document: dict[str, Any]

    @property
    def title(self) -> str:
        """Return the name without the tag."""
        return self.name.partition(":")[0]

    @property
    def variant(self) -> Variant:
        """Return what it promises to be."""
        return find_image(self.name)

    @property
    def config(self) -> dict[str, Any]:
        """Return what a container is made with."""
        return dict(self.document["Config"])

    @property
    def layers(self) -> list[str]:
        """Return the digests of the layers, lowest first."""
        return list(self.document["RootFS"]["Layers"])

    @property
    def megabytes(self) -> float:
        """Return the size, unpacked."""
        return float(self.document["Size"]) / 1e6


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    lacking = [item for item in ours if lacks_tools(item)]
    for item in ours:
        item.add_marker(pytest.mark.image)
    for item in lacking:
        items.remove(item)
    config.hook.pytest_deselected(items=lacking)


def lacks_tools(item: pytest.Item) -> bool:
    """Tell whether the image that the test would run on is without a tool that it needs."""
    needed = {str(tool) for mark in item.iter_markers("needs_tools") for tool in mark.args}
    if tries_tools(item):
        needed.add("code-server")
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("image") if callspec else None
    return bool(needed) and name is not None and not needed <= find_image(name).tools


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given = metafunc.config.getoption("--image")
    names = (given,) if given else IMAGES
    if "image" in metafunc.fixturenames:
        metafunc.parametrize("image", names, indirect=True, scope="session")
    if "mode" in metafunc.fixturenames:
        modes = STRICTEST if tries_tools(metafunc.definition) else MODES
        metafunc.parametrize("mode", modes, indirect=True, scope="session")


def tries_tools(item: pytest.Item) -> bool:
    """Tell whether a test is of those that try the tools of an image.

    What works in the strictest container works in a plain one, whose user has no more privileges,
    and can write the same places and a few more: base/test_user.py.
    """
    return item.path.parent.name == "tools"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the sizes of the images that were tested."""
    for image in _inspected.values():
        terminalreporter.write_line(f"{image.name}: {image.megabytes:.0f} MB")


_inspected: dict[str, Image] = {}


def inspect_image(name: str) -> Image:
    """Return the image and what its engine says of it."""
    if name not in _inspected:
        _inspected[name] = Image(name, json.loads(docker("image", "inspect", name))[0])
    return _inspected[name]


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Image:
    """The image under test."""
    return inspect_image(request.param)


@pytest.fixture(scope="session")
def mode(request: pytest.FixtureRequest) -> str:
    """How the container runs: a key of MODES."""
    return str(request.param)


@pytest.fixture(scope="session")
def box(image: Image, mode: str) -> Iterator[Container]:
    """A container of the image in which nothing runs: neither the agent nor a service."""
    options, command = IDLE
    with running(Recipe(image.name, (*MODES[mode], *options), command)) as container:
        yield container


@pytest.fixture(scope="session")
def host(box: Container) -> Iterator[Host]:
    """The inside of that container, as its own user."""
    with entering(box) as host:
        yield host


@pytest.fixture(scope="session")
def root(box: Container) -> Iterator[Host]:
    """The inside of that container, as root, who can look everywhere."""
    with entering(box, "root") as host:
        yield host


def make_folder(host: Host, files: dict[str, str]) -> str:
    """Make a folder that holds these files, and return its path."""
    folder = str(host.check_output("mktemp -d"))
    for name, content in files.items():
        host.run_expect([0], "printf '%%s' %s >%s", content, f"{folder}/{name}")
    return folder
