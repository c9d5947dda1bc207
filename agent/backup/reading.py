"""Running what only reads a repository: nobody's lock keeps a person from their files.

A lock of our own is taken where that is possible, so that nobody frees space meanwhile.
"""

import os
from collections.abc import Sequence

from agent.backup import lock
from agent.backup.restic import locks
from agent.backup.restic.client import NO_LOCK, Code, Restic, ResticError
from agent.backup.target import Target
from agent.machine.programs.follow import Finished, Limits, Listener

PATIENCE = "15s"
"""How long a lock of somebody who lives is waited for."""


def run(
    restic: Restic, *words: str, limits: Limits, listener: Listener = lambda _: None
) -> Finished:
    """Run restic, without a lock where none can be written or one that is there does not go away.

    Returns the result, good or bad.
    """

    def go(*more: str) -> Finished:
        return restic.run(*words, *more, limits=limits, listener=listener)

    if not restic.locks_reads or not can_lock(restic.target):
        return go(NO_LOCK)
    finished = go()
    if finished.code == Code.LOCKED:
        alive = find_alive(restic)
        if alive:
            with lock.ask(restic.facts):
                finished = go("--retry-lock", PATIENCE)
        if alive and finished.code == Code.LOCKED:
            restic.tell(f"{restic.target.name}: reading despite the lock of {alive[0]}")
    if finished.code == Code.LOCKED or locks.is_refused(finished):
        restic.locks_reads = False  # what is read next need not wait again
        return go(NO_LOCK)
    return finished


def check(
    restic: Restic, doing: str, *words: str, limits: Limits, listener: Listener = lambda _: None
) -> Finished:
    """Run it as `run` does. Raises ResticError when it fails; `doing` as in "cannot DOING"."""
    return restic.accept(doing, run(restic, *words, limits=limits, listener=listener))


def can_lock(target: Target) -> bool:
    """Tell whether a lock can be written; for a server that is yes until it refuses one."""
    place = target.folder / "locks" if target.folder else None
    return place is None or not place.is_dir() or os.access(place, os.W_OK | os.X_OK)


def find_alive(restic: Restic) -> Sequence[locks.Lock]:
    """Return the locks that somebody may hold. None of those that are there is taken away."""
    try:
        found = locks.find_locks(restic)
    except ResticError:
        return ()
    return locks.find_alive(found, locks.make_judge(restic.facts))
