"""Databases of SQLite that are in use: SQLite itself copies them, for just copied they are torn.

The copies are in a separate folder, below their absolute paths. They go into the backup beside
the files themselves, and a restore puts them in place. The originals are only read: nothing beside
them is made, emptied or removed.
"""

import filecmp
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.backup.create.content import identify
from agent.backup.create.missing_files import is_gone
from agent.machine.light import runtime
from agent.machine.light.files import STATE as LIMIT
from agent.machine.light.files import read_file
from agent.machine.records.documents import STATE, Document
from agent.machine.storage import sqlite
from agent.machine.storage.sqlite import (
    BESIDE,
    InUseError,
    Signature,
    find_signature,
    find_size,
    is_database,
    is_settled,
)
from agent.machine.values import frozen

RESERVE = 64 * 2**20
"""Bytes that must stay free on the disk of the copies."""
NONSENSE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""SQLite's codes for what it cannot read, whoever uses it: damaged, cut off, of a later version.
https://www.sqlite.org/rescode.html"""


@frozen
class Failure:
    """A database whose file alone is in the backup, or a copy of an earlier state beside it."""

    path: Path
    cause: str
    quiet: Signature | None = None
    """How it looked when nobody had written to it for a moment: while that stays so, a copy of its
    file is whole."""

    def is_whole(self) -> bool:
        """Tell whether nobody has written to it since."""
        return self.quiet is not None and find_signature(self.path) == self.quiet

    def __str__(self) -> str:
        return f"{self.path}: no consistent copy of now: {self.cause}"


@frozen
class Copied:
    """What became of the databases, each by its own path."""

    copied: tuple[Path, ...] = ()
    unchanged: tuple[Path, ...] = ()
    """Their copies were not touched: they are as the last time."""
    failures: tuple[Failure, ...] = ()


def copy_all(
    candidates: Iterable[Path],
    staging: Path,
    *,
    seconds: float,
    each: float,
    others: Iterable[Path] = (),
) -> Copied:
    """Copy what is a database of SQLite into `staging`, and drop the copies of what is none now.

    All of them have `seconds`, and one alone at most `each`. `others`: what else is in `staging`,
    and stays. A file beside it, NAME.json, tells the next time what has changed. Raises OSError
    when `staging` cannot be used.
    """
    end = time.monotonic() + seconds
    staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    runtime.set_mode(staging, 0o700)
    databases, failures = _choose(candidates, staging)
    names = _find_names(databases)
    kept = (*databases, *(failure.path for failure in failures))
    _drop_others({*others, *(find_place(path, staging) for path in kept)}, staging)
    memory = Memory(staging.with_name(f"{staging.name}.json"))
    copied: list[Path] = []
    unchanged: list[Path] = []
    for path in sorted(databases, key=find_size):  # a big one takes no time from small ones
        deadline = min(end, time.monotonic() + each)
        try:
            is_new = memory.has_changed(path, names[path], staging) and copy(
                path, staging, deadline, names[path]
            )
        except (OSError, sqlite3.Error) as error:
            memory.forget(path)
            if not is_gone(path):
                failures.append(_judge(path, error, staging))
        else:
            (copied if is_new else unchanged).append(path)
    memory.save()
    return Copied(tuple(sorted(copied)), tuple(sorted(unchanged)), tuple(failures))


COPIED = Document[dict[str, object]](
    STATE, "databases.json", "state of the SQLite databases at their last copy", dict, dict
)


class Memory:
    """What the databases looked like when they were copied."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known = COPIED.decode(read_file(file, LIMIT))
        except OSError:
            self._known = {}
        self._fresh: dict[str, object] = {}

    def has_changed(self, path: Path, opened: Path, staging: Path) -> bool:
        """Tell whether a copy is to be made, and note how the database looks before that.

        `opened`: the name by which it is in use.
        """
        signature = find_signature(opened)
        if is_settled(signature):
            self._fresh[str(path)] = signature
        is_same = self._known.get(str(path)) == signature
        return not (is_same and find_place(path, staging).is_file())

    def forget(self, path: Path) -> None:
        """Have a database copied the next time in any case."""
        self._fresh.pop(str(path), None)

    def save(self) -> None:
        """Keep it for the next time. Raises OSError."""
        if self._fresh != self._known:
            runtime.write_atomic(str(self._file), COPIED.encode(self._fresh))


def find_place(path: Path, staging: Path) -> Path:
    """Return where the copy of a database lies."""
    return staging / path.relative_to("/")


def copy(path: Path, staging: Path, deadline: float, opened: Path) -> bool:
    """Copy one database until this time (monotonic); return whether its copy was another before.

    `opened`: the name by which it is in use. Raises OSError or sqlite3.Error.
    """
    if time.monotonic() >= deadline:
        raise TimeoutError("there was no time left for it")
    if shutil.disk_usage(staging).free < find_size(path) + RESERVE:
        raise OSError(f"there is too little room in {staging}")
    place = find_place(path, staging)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=staging) as folder:
        part = Path(folder, "database")
        sqlite.copy(opened, part, deadline)
        if place.is_file() and filecmp.cmp(part, place, shallow=False):
            return False  # another file with the same content would be new to restic
        place.parent.mkdir(parents=True, exist_ok=True)
        runtime.set_mode(part, 0o600)
        part.replace(place)
    return True


def _judge(path: Path, error: OSError | sqlite3.Error, staging: Path) -> Failure:
    """Return what is wrong with a database.

    Where there was only no time or no room, or SQLite itself can make nothing of it, and nobody
    writes to it, its file will do: then no older copy stays, which a restore would put in its
    place.
    """
    cause, signature = explain(error), find_signature(path)
    if isinstance(error, sqlite3.Error):
        is_used = getattr(error, "sqlite_errorcode", 0) & 0xFF not in NONSENSE
    else:
        is_used = isinstance(error, InUseError)
    if is_used or not is_settled(signature):
        return Failure(path, cause)
    find_place(path, staging).unlink(missing_ok=True)
    return Failure(path, cause, signature)


def _find_names(databases: Iterable[Path]) -> dict[Path, Path]:
    """Return database -> the name by which it is in use: of several, that beside which its log is.

    By another name SQLite would not find what is only in the log.
    """
    used = {identify(path): path for path in databases
            if any(os.path.lexists(f"{path}{end}") for end in BESIDE)}  # fmt: skip
    used.pop(None, None)  # it is gone
    return {path: used.get(identify(path), path) for path in databases}


def _choose(candidates: Iterable[Path], staging: Path) -> tuple[list[Path], list[Failure]]:
    """Return those that are databases, and those that cannot be read."""
    databases, failures = [], []
    for path in candidates:
        try:
            if not path.is_relative_to(staging) and is_database(path):
                databases.append(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            failures.append(Failure(path, explain(error)))
    return databases, failures


def _drop_others(wanted: set[Path], staging: Path) -> None:
    """Remove the copies that are not wanted, what a killed backup left, and empty folders."""
    for folder, _, names in os.walk(staging, topdown=False):
        for name in names:
            if Path(folder, name) not in wanted:
                Path(folder, name).unlink()
        if folder != str(staging):
            with suppress(OSError):  # it is not empty
                Path(folder).rmdir()


def find_copies(staging: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (copy, path below the root that it is of) of all copies in `staging`."""
    for folder, _, names in os.walk(staging):
        for name in names:
            found = Path(folder, name)
            yield found, found.relative_to(staging)


def explain(error: Exception) -> str:
    """Return the cause in a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
