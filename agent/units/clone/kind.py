"""The unit `clone`: all repositories of the workspace, two at a time."""

import queue
import shutil
from collections.abc import Sequence
from contextlib import suppress

from agent.machine.programs.threads import start_or_do
from agent.machine.records.unit_record import SEPARATOR, make_name
from agent.machine.storage.folders import CACHE_TAG
from agent.machine.storage.volumes import find_top
from agent.services import login_folder
from agent.settings.everything import Settings
from agent.settings.repository import Repository
from agent.units.clone.repository import STAGING, Clone, find_beside
from agent.units.unit import Kind, Unit, Work

NAME = "clone"
AT_ONCE = 2


def carry_out(work: Work) -> None:
    """Clone what DEV8_REPOSITORIES names. Raises OSError."""
    units = clone_all(work, work.context.settings.repositories.entries or ())
    login_folder.note(work.context)
    # What comes after a clone has failed for itself: hooks need not wait for a file of git LFS.
    work.settle(unit for unit in units if unit.name.count(SEPARATOR) == 1)


def clone_all(work: Work, repositories: Sequence[Repository]) -> list[Unit]:
    """Clone these, in their order; return their units. Raises OSError."""
    with suppress(OSError):  # each clone reports what is wrong with it
        work.context.settings.workspace.folder.mkdir(parents=True, exist_ok=True)
    clones = [Clone(work, repository) for repository in repositories]
    remove_leftovers(clones)
    waiting: queue.SimpleQueue[Clone] = queue.SimpleQueue()
    for each in clones:
        waiting.put(each)
    units: dict[str, list[Unit]] = {}
    errors: list[BaseException] = []

    def take() -> None:
        while not work.stopping.is_set():
            try:
                each = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                units[each.repository.name] = each.carry_out()
            except OSError as error:
                each.unit.fail_for(error, each.unit.again)
                units[each.repository.name] = [each.unit]
            except Exception as error:
                errors.append(error)

    takers = [start_or_do(take) for _ in range(min(AT_ONCE, len(clones)))]
    for taker in filter(None, takers):
        taker.join()
    if errors:
        raise errors[0]
    return [unit for each in clones for unit in units.get(each.repository.name, [])]


def remove_leftovers(clones: Sequence[Clone]) -> None:
    """Remove what a run that was killed left in the workspace: only one run is at work."""
    for clone in clones:
        for folder in {find_top(clone.target.parent), find_beside(clone.target)}:
            for path in folder.glob(f"{STAGING}*"):
                if (path / CACHE_TAG).is_file():
                    shutil.rmtree(path, ignore_errors=True)


def asks_for(settings: Settings, part: str) -> bool:
    """Return whether DEV8_REPOSITORIES has the repository of a part: demo, demo:lfs."""
    unit = make_name(NAME, part)
    names = [make_name(NAME, each.name) for each in settings.repositories.entries or ()]
    return any(unit == name or unit.startswith(f"{name}{SEPARATOR}") for name in names)


KIND = Kind(
    NAME,
    "repositories",
    lambda settings: bool(settings.repositories.entries),
    carry_out,
    asks_for=asks_for,
)
