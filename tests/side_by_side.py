"""How tests share a machine when several workers run them (pytest-xdist, `--dist loadgroup`).

Tests that share something slow to make run on one worker, in a group: a file of `e2e`, a box
of `image`. Every other test runs wherever there is room. One that is marked `alone` measures
time: it waits until nothing else runs, and the others wait for it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

SHARED = "shared_folder"
"""The name under which the controller hands its workers a folder."""


def find_group(item: pytest.Item, suite: str) -> str | None:
    """Return the group that the test belongs to; None where it shares nothing."""
    if any(item.iter_markers("xdist_group")):
        return None  # it says so itself
    if suite == "e2e":
        return item.path.stem
    if suite == "image" and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        parameters = item.callspec.params
        if "mode" in parameters:
            return f"{parameters['image']}-{parameters['mode']}"
    return None


def strip_group(name: str) -> str:
    """Return a test's name without the group that xdist adds: NAME[PARAMETERS]@GROUP."""
    head, at, _ = name.rpartition("@")
    return head if at and name.rfind("]") < name.rfind("@") else name


def find_shared_folder(config: pytest.Config) -> Path | None:
    """Return the folder that all workers of this run share; None where there is one process."""
    given = getattr(config, "workerinput", {}).get(SHARED)
    return Path(given) if given else None


@contextmanager
def hold(path: Path, kind: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of a file until the end; the kernel releases it if the process dies."""
    with path.open("a") as file:
        fcntl.flock(file, kind)
        yield


@contextmanager
def take_turn(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait until the test may run: beside others, or alone."""
    with ExitStack() as stack:
        with hold(folder / "door"):  # whoever waits for an empty room keeps it: none overtakes
            kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            stack.enter_context(hold(folder / "room", kind))
        yield
