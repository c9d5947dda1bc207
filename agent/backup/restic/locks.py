"""Locks in a repository: whose they are, and taking away those of programs that were killed.

restic's `unlock` is never called without --remove-all: to find out whether a lock's process lives
it sends SIGHUP to that number, which by now may be another program's and ends it.
https://restic.readthedocs.io/en/stable/100_references.html#locks
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from agent.backup.restic import lock_sightings
from agent.backup.restic.client import LOCK_WAIT, Code, Restic, ResticError
from agent.backup.restic.runs import Run, find_gone
from agent.machine.errors import Problem
from agent.machine.formats.lines import split_lines
from agent.machine.light.clock import parse_time
from agent.machine.light.human import format_clock, format_moment
from agent.machine.light.proc import read_stat
from agent.machine.programs.follow import ENDED, LONG, Finished, Limits, Listener, Message
from agent.machine.records.documents import STATE, Document
from agent.machine.system import Facts
from agent.machine.values import frozen

HOSTNAMES = Document[list[str]](
    STATE,
    "backup/hostnames",
    "hostnames of earlier containers",
    list,
    list,
    loads=lambda content: split_lines(content.decode()),
    dumps=lambda names: "".join(f"{name}\n" for name in names),
)
"""A line each, the newest last."""
MOST_HOSTNAMES = 50

STALE = timedelta(minutes=30)
"""Age from which nobody can hold a lock: restic writes it anew every 5 minutes, and ends itself
when it could not do so for 22.
https://github.com/restic/restic/blob/v0.18.0/internal/repository/lock.go"""
MISSED = timedelta(minutes=6)
"""Age from which one of this workspace's own is dead, if it is not known that its program is gone:
another machine may have the same hostname, as every workspace of one Compose file has, and use the
same repository."""
REFUSED = ("create lock in backend", "<lock/")
"""What restic says when it could not look at the locks, or write its own."""


@frozen
class Lock:
    """A lock, as restic wrote it."""

    hostname: str
    """Empty: what it says cannot be read."""
    pid: int
    time: datetime
    """When it was last written; when it was first seen here, if it says something later. Aware."""

    def __str__(self) -> str:
        who = f"process {self.pid} on {self.hostname}" if self.hostname else \
            "a lock that cannot be read"  # fmt: skip
        return f"{who}, since {format_moment(self.time)}"


@frozen
class Judge:
    """What is known of those who may hold a lock."""

    now: datetime
    hostname: str
    """Of this container."""
    hostnames: frozenset[str]
    """All that the workspace's containers had."""
    runs: Callable[[int], bool]
    """Tells whether a process of this container is a restic."""
    gone: tuple[Run, ...] = ()
    """Programs that this workspace started and knows to be gone."""

    def is_dead(self, lock: Lock) -> bool:
        """Tell whether whoever wrote the lock is gone for certain."""
        age = self.now - lock.time
        if age > STALE:
            return True
        if lock.hostname == self.hostname and self.runs(lock.pid):
            return False
        moment = lock.time.timestamp()
        if any(run.wrote(lock.hostname, lock.pid, moment) for run in self.gone):
            return True
        return lock.hostname in self.hostnames and age >= MISSED


def remember_host(facts: Facts) -> None:
    """Note this container's hostname: locks that it leaves behind are known by it."""
    known, name = HOSTNAMES.read(facts), os.uname().nodename
    if name in known:
        return
    with contextlib.suppress(OSError):  # a full disk: then its locks are dead after STALE
        HOSTNAMES.write(facts, [*known, name][-MOST_HOSTNAMES:])


def clear_dead(restic: Restic) -> Problem | None:
    """Take all locks away when all are dead; else leave them, and return whose they are.

    The caller holds the lock of `agent.backup.lock`, and runs no restic. Raises ResticError.
    """
    found = find_locks(restic)
    alive = find_alive(found, make_judge(restic.facts))
    if alive:
        hint = explain_wait(alive, restic.target.name)
        return Problem(f"the repository is locked by {alive[0]}", hint)
    if found:
        restic.check(f"unlock {restic.target.name}", "unlock", "--remove-all")
    return None


def explain_wait(alive: Iterable[Lock], target: str) -> str:
    """Return when the locks are dead for certain, and what to do before."""
    until = max(lock.time for lock in alive) + STALE
    clock = format_clock(until.timestamp(), time.time())
    end = f"it expires at {clock} unless it is renewed"
    command = f"devcopilot backup restic --target {target} -- unlock --remove-all"
    return f"{end}; if no program uses it any more: {command}"


def find_alive(locks: Iterable[Lock], judge: Judge) -> list[Lock]:
    """Return the locks that somebody may hold."""
    return [lock for lock in locks if not judge.is_dead(lock)]


def run_alone(
    restic: Restic, doing: str, *words: str,
    limits: Limits = LONG, listener: Listener = lambda _: None,
) -> Finished:  # fmt: skip
    """Run what needs a repository for itself: the living are waited for, the dead are cleared.

    Returns the result, good or bad, but raises ResticError, which says who holds it, if it stays
    locked.
    """
    clear_dead(restic)
    argv = (*words, "--retry-lock", LOCK_WAIT)
    return past_dead(restic, doing, lambda: restic.run(*argv, limits=limits, listener=listener))


def past_dead(restic: Restic, doing: str, run: Callable[[], Finished]) -> Finished:
    """Run it, and once more when only a program that is gone was in the way.

    Raises ResticError when it stays locked, which tells by whom.
    """
    finished = run()
    if finished.code != Code.LOCKED and not is_stopped_by_damage(restic, finished):
        return finished
    holder = clear_dead(restic)
    if holder:
        raise ResticError(Problem(f"cannot {doing}: {holder.message}", holder.hint), finished)
    return run()


def clear_known(restic: Restic) -> None:
    """Clear the dead locks if some were in the way before; otherwise it costs nothing.

    restic tries for half a minute to read one that is damaged, whatever it is asked to wait.
    """
    if lock_sightings.FILE.read(restic.facts).get(restic.target.name):
        with contextlib.suppress(ResticError):  # what follows reports it, or gets by
            clear_dead(restic)


def is_stopped_by_damage(restic: Restic, finished: Finished) -> bool:
    """Tell whether it could not begin since there is a lock that cannot be read."""
    return is_refused(finished) and not all(lock.hostname for lock in find_locks(restic))


def is_refused(finished: Finished) -> bool:
    """Tell whether it could not begin since it could not lock the repository."""
    failed = finished.code in (Code.FAILED, ENDED)
    return failed and any(text in finished.words for text in REFUSED)


def check_alone(restic: Restic, doing: str, *words: str, limits: Limits = LONG) -> Finished:
    """Run it as `run_alone` does. Raises ResticError whenever it fails."""
    return restic.accept(doing, run_alone(restic, doing, *words, limits=limits))


def make_judge(facts: Facts) -> Judge:
    """Return what this container knows."""
    hosts = frozenset(HOSTNAMES.read(facts))
    return Judge(facts.clock.now(), os.uname().nodename, hosts, runs_restic, find_gone(facts))


def find_locks(restic: Restic) -> list[Lock]:
    """Return the locks that are there. Raises ResticError when they cannot be listed."""
    rows = dict(restic.locks())
    seen = lock_sightings.note(restic.facts, restic.target.name, rows)
    return [read_lock(row or {}, seen[name]) for name, row in rows.items()]


def read_lock(row: Message, seen: datetime) -> Lock:
    """Return the lock that `restic cat lock` prints; `seen`: when it was first seen here."""
    written = parse_time(row.get("time", "")) or seen
    return Lock(row.get("hostname", ""), row.get("pid", 0), min(written, seen))


def runs_restic(pid: int) -> bool:
    """Tell whether a process of this container lives and is a restic."""
    try:
        name, (state, *_) = read_stat(Path(f"/proc/{pid}"))
    except OSError:
        return False
    return name.startswith("restic") and state not in ("Z", "X")
