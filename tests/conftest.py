"""The order of the suites, fastest first, and what the slow ones need: an engine and the images."""

import functools
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SUITES = ("unit", "contract", "pid1", "e2e", "image")
WITH_IMAGES = ("e2e", "image")
NO_ENGINE = "no container engine; run: make engine"
IN_CI = os.environ.get("CI") == "true"
SUITE_SIZES = pytest.StashKey[Counter[str]]()


def pytest_configure() -> None:
    """Take signals as on a terminal: a shell ignores these for what it runs in the background.

    All that a test starts would inherit that, and init hands it on, as it should.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-minutes", type=float, default=0.25, help="how long each soak test goes on"
    )


@pytest.fixture(scope="session")
def soak_seconds(request: pytest.FixtureRequest) -> float:
    """How long a soak test goes on: a short share in `make test`, long in `make soak`."""
    return float(request.config.getoption("--soak-minutes")) * 60


def find_suite(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: SUITES.index(find_suite(item)))


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SUITE_SIZES] = Counter(find_suite(item) for item in session.items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Say which suite begins and what remains after it."""
    sizes, suite = item.config.stash[SUITE_SIZES], find_suite(item)
    size = sizes.pop(suite, 0)
    if size:
        rest = ", ".join(f"{sizes[name]} {name}" for name in SUITES if name in sizes)
        reporter = item.config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:  # a worker of several: the controller shows what they do
            return
        reporter.ensure_newline()
        reporter.section(f"{size} {suite} tests; then {rest or 'none'}", sep="-")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Build the images before the first test that needs them."""
    if find_suite(item) not in WITH_IMAGES:
        return
    lacking = make_images(item.config)
    if lacking:
        refuse = pytest.skip if lacking == NO_ENGINE and not IN_CI else pytest.fail
        refuse(lacking)


@functools.cache
def make_images(config: pytest.Config) -> str | None:
    """Start an engine and build all images, once in a session; return what is lacking."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    assert reporter is not None
    assert capture is not None
    reporter.ensure_newline()
    with capture.global_and_fixture_disabled():
        if not run_script("engine.sh", "start"):
            return NO_ENGINE
        if not run_script("build.sh", "all") or not run_script("test-image.sh"):
            return "the images cannot be built; run: make build"
    return None


def run_script(name: str, *words: str) -> bool:
    """Run one of our scripts; tell whether it succeeded."""
    return subprocess.run([TESTS.parent / "scripts" / name, *words], check=False).returncode == 0
