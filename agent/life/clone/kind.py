"""The unit `clone`: all repositories of the workspace, two at a time."""

import queue
import shutil
import threading
from collections.abc import Sequence

from agent.life.clone.one import STAGING, Clone
from agent.life.unit import Kind, Unit, Work
from agent.settings.repository import Repository

AT_ONCE = 2


def carry_out(work: Work) -> None:
    """Clone what DEV8_REPOSITORIES names. Raises OSError."""
    work.settle(clone_all(work, work.context.settings.repositories.entries or ()))


def clone_all(work: Work, repositories: Sequence[Repository]) -> list[Unit]:
    """Clone these, in their order; return their units. Raises OSError."""
    remove_leftovers(work)
    clones = [Clone(work, repository) for repository in repositories]
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
                what = f"{error.filename}: " if error.filename else ""
                each.unit.fail(f"{what}{error.strerror or error}", "devcopilot rerun clone")
                units[each.repository.name] = [each.unit]
            except Exception as error:
                errors.append(error)

    takers = [threading.Thread(target=take) for _ in range(min(AT_ONCE, len(clones)))]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    if errors:
        raise errors[0]
    return [unit for each in clones for unit in units.get(each.repository.name, [])]


def remove_leftovers(work: Work) -> None:
    """Remove what a run that was killed left in the workspace: only one run is at work."""
    folder = work.context.settings.workspace.folder
    for path in folder.glob(f"{STAGING}*") if folder.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True)


KIND = Kind(
    "clone",
    "repositories",
    lambda settings: bool(settings.repositories.entries),
    carry_out,
)
