"""The order of the suites, fastest first, and what the slow ones need: an engine and the images."""

import functools
import os
import shutil
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.archives import save_image
from tests.worlds.needs import need
from tests.worlds.side_by_side import (
    SHARED,
    GroupScheduling,
    find_group,
    find_shared_folder,
    hold,
    make_shared_folder,
    write_groups,
)

TESTS = Path(__file__).parent
SUITES = ("unit", "fuzz", "contract", "pid1", "image", "e2e", "faults", "floods", "kubernetes")
"""Fastest first."""
WITH_IMAGES = ("e2e", "image", "floods", "kubernetes")
ON_REQUEST = ("faults", "floods")
"""They are tried only when `--times` says how often."""
OWN_IMAGE = (TESTS / "e2e/test_own_image.py", TESTS / "e2e/test_push_feature.py")
"""They build many images: `make test-own-image`."""
NO_ENGINE = "no container engine; run: make engine"
SUITE_SIZES = pytest.StashKey[Counter[str]]()
SHARED_FOLDER = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Take signals as on a terminal: a shell ignores these for what it runs in the background.

    All that a test starts would inherit that, and init hands it on, as it should.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if find_shared_folder(config) is None:
        config.stash[SHARED_FOLDER] = make_shared_folder()


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(SHARED_FOLDER, None):
        shutil.rmtree(folder, ignore_errors=True)  # a save that was interrupted may still write


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-minutes", type=float, default=0.25, help="how long each soak test goes on"
    )
    parser.addoption("--own-image", action="store_true", help="collect what is in OWN_IMAGE")
    parser.addoption("--image", help="the image that tests/image/any asks for its promises")
    parser.addoption(
        "--times", type=float, default=0.0,
        help="how often each fault and flood is tried, in shares of a full run; 0: not at all",
    )  # fmt: skip
    parser.addoption(
        "--fuzz-cases", type=int, default=0, help="cases of tests/fuzz in all; 0: a short share"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what builds many images, unless it is asked for."""
    heavy = collection_path in OWN_IMAGE
    return True if heavy and not config.getoption("--own-image") else None


@pytest.fixture(scope="session")
def archive(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """Return where the engine has saved an image, for who only reads it: once for all workers."""
    folder = find_shared_folder(pytestconfig) or pytestconfig.stash[SHARED_FOLDER]
    return lambda image: save_image(folder, image)


@pytest.fixture(scope="session")
def soak_seconds(request: pytest.FixtureRequest) -> float:
    """How long a soak test goes on: a short share in `make test`, long in `make soak`."""
    return float(request.config.getoption("--soak-minutes")) * 60


def find_suite(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def find_suite_of(name: str) -> str:
    """Return the suite of a test by its name: tests/SUITE/…"""
    return name.split("/")[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the suites, and the files of `e2e`, which stay whole, by their number of tests."""
    sizes = Counter(item.path for item in items if find_suite(item) == "e2e")
    items.sort(key=lambda item: (SUITES.index(find_suite(item)), sizes[item.path]))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SUITE_SIZES] = Counter(find_suite(item) for item in session.items)
    if folder := find_shared_folder(session.config):
        write_groups(
            folder, ((item.nodeid, find_group(item, find_suite(item))) for item in session.items)
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand each worker the folder that they share."""
    node.workerinput[SHARED] = str(node.config.stash[SHARED_FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GroupScheduling:
    return GroupScheduling(config, log, config.stash[SHARED_FOLDER])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Say which suite begins and what remains after it; several workers begin all at once."""
    if find_shared_folder(item.config):
        return
    sizes, suite = item.config.stash[SUITE_SIZES], find_suite(item)
    size = sizes.pop(suite, 0)
    reporter = item.config.pluginmanager.getplugin("terminalreporter")
    if size and reporter:
        rest = ", ".join(f"{sizes[name]} {name}" for name in SUITES if name in sizes)
        reporter.ensure_newline()
        reporter.section(f"{size} {suite} tests; then {rest or 'none'}", sep="-")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Build the images before the first test that needs them."""
    suite = find_suite(item)
    if suite in ON_REQUEST and not item.config.getoption("--times"):
        pytest.skip(f"tried when it is asked for: make {suite}")
    if suite not in WITH_IMAGES and not item.get_closest_marker("image"):
        return
    missing = make_images(item.config)
    need(missing != NO_ENGINE, NO_ENGINE)
    if missing:
        pytest.fail(missing)


@functools.cache
def make_images(config: pytest.Config) -> str | None:
    """Start an engine and build all images, once in a session; return what is missing.

    Of several workers one does it, and leaves the answer in their folder.
    """
    folder = find_shared_folder(config)
    if folder is None:
        return build_images(config)
    answer = folder / "images"
    with hold(folder / "building"):
        if not answer.exists():
            answer.write_text(build_images(config) or "")
        return answer.read_text() or None


def build_images(config: pytest.Config) -> str | None:
    """Start an engine and build all images, in view of the user; return what is missing."""
    capture = config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    if reporter := config.pluginmanager.getplugin("terminalreporter"):
        reporter.ensure_newline()
    with capture.global_and_fixture_disabled():
        if not run_script("engine.sh", "start"):
            return NO_ENGINE
        if config.getoption("--image"):
            return None
        chosen = os.environ.get("IMAGE")
        names = ("base", chosen) if chosen else ("all",)
        if not run_script("build.sh", *names) or not run_script("test-image.sh"):
            return "the images cannot be built; run: make build"
    return None


def run_script(name: str, *words: str) -> bool:
    """Run one of our scripts; tell whether it succeeded."""
    return subprocess.run([TESTS.parent / "scripts" / name, *words], check=False).returncode == 0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests each suite has, and how long they took; side by side that is less."""
    tests: dict[str, set[str]] = defaultdict(set)
    seconds: dict[str, float] = defaultdict(float)
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            suite = find_suite_of(report.nodeid)
            tests[suite].add(report.nodeid)
            seconds[suite] += report.duration
    for suite in sorted(tests, key=SUITES.index):
        line = f"{suite:<10} {len(tests[suite]):>5} tests {seconds[suite]:>7.0f} s"
        terminalreporter.write_line(line)
