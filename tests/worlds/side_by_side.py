"""How tests share a machine when several workers run them (pytest-xdist).

Tests that share something slow to make run on one worker, in a group: a file of `e2e`, a box
of `image`, and who says so with `xdist_group`. Every other test runs wherever there is room.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.worlds.held_folders import make_folder

SHARED = "shared_folder"
"""The name under which the controller hands its workers a folder."""


PREFIX = "dev8-tests-"
"""Of such folders."""
GROUPS = "groups.json"
"""In that folder: the workers know the tests, and the controller gives them out."""


def find_group(item: pytest.Item, suite: str) -> str | None:
    """Return the group that the test belongs to; None where it shares nothing."""
    if mark := item.get_closest_marker("xdist_group"):
        return str(mark.args[0])
    if suite == "e2e":
        return item.path.stem
    if suite == "image" and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
        parameters = item.callspec.params
        if "mode" in parameters:
            return f"{parameters['image']}-{parameters['mode']}"
    return None


def write_groups(folder: Path, groups: Iterable[tuple[str, str | None]]) -> None:
    """Tell the controller the group of each test; every worker finds the same."""
    with hold(folder / "lock"):
        (folder / GROUPS).write_text(json.dumps({name: group for name, group in groups if group}))


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives out groups, and single tests. Of four workers, three begin with the last.

    These are the groups of `e2e`, which take more than half of the time: so tests that compute run
    beside tests that wait, and the workers meet among single tests of `contract`, where none is
    still busy long after the others. xdist's own `--dist loadgroup` writes the group into the
    test's name, where pytest 9 no longer lets it.
    """

    def __init__(self, config: pytest.Config, log: object, folder: Path) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._folder = folder
        self._groups: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._groups is None:
            self._groups = json.loads((self._folder / GROUPS).read_text())
        return self._groups.get(nodeid, nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % 4:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)


def make_shared_folder() -> Path:
    """Make the folder that all workers of this run share, and remove those of runs that died."""
    folder, _ = make_folder(PREFIX)  # the end of this process lets it go
    return folder


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
