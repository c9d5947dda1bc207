"""Databases of SQLite that are in use: SQLite itself copies them, or the copies would be torn.

The copies lie in a folder of their own, below their absolute paths. They go into the backup beside
the files themselves, and a restore puts them in place.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

HEADER = b"SQLite format 3\0"
"""https://www.sqlite.org/fileformat.html#the_database_header"""
BESIDE = ("-wal", "-shm", "-journal")
PAGES = 1024
"""That are copied at a time: between two times others may write, and time is looked at."""
PAUSE = 0.05
"""Seconds to wait when somebody writes just now."""
PART = ".part"


@dataclass(frozen=True)
class Copied:
    """What became of the copies."""

    copies: tuple[Path, ...] = ()
    """The databases that are in use."""
    failures: tuple[str, ...] = ()
    """Those without a copy of now, each with the cause; one may have a copy of earlier."""


def copy_all(databases: Iterable[Path], staging: Path, seconds: float) -> Copied:
    """Copy what is a database of SQLite into `staging`, in this time; drop copies of others.

    A copy of a database that has not changed since is left as it is. Raises OSError when `staging`
    cannot be written.
    """
    deadline = time.monotonic() + seconds
    copies, failures = [], []
    staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    for database in sorted(databases):
        try:
            if not is_database(database):
                continue
            copy(database, place_of(database, staging), deadline)
        except (OSError, sqlite3.Error) as error:
            if not database.exists():
                continue
            failures.append(f"{database}: no consistent copy of now: {explain(error)}")
        copies.append(database)
    _drop_others({place_of(path, staging) for path in copies}, staging)
    return Copied(tuple(copies), tuple(failures))


def is_database(path: Path) -> bool:
    """Tell whether a file says that it is a database of SQLite. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(HEADER)) == HEADER


def place_of(database: Path, staging: Path) -> Path:
    """Return where the copy of a database lies."""
    return staging / database.relative_to("/")


def copy(database: Path, place: Path, deadline: float) -> None:
    """Copy one database, until this time (monotonic). Raises OSError or sqlite3.Error."""
    stamp = find_stamp(database)
    with suppress(FileNotFoundError):
        if place.stat().st_mtime_ns == stamp:
            return
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = place.with_name(place.name + PART)
    part.unlink(missing_ok=True)
    part.touch(0o600)
    try:
        if is_at_rest(database):
            _back_up(database, "immutable=1", part, deadline)
        if not is_at_rest(database) or find_stamp(database) != stamp:
            stamp = find_stamp(database)
            _back_up(database, "mode=ro", part, deadline)
        os.utime(part, ns=(stamp, stamp))
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def is_at_rest(database: Path) -> bool:
    """Tell whether nobody has opened a database with a write-ahead log. Raises OSError.

    Opened like others it would get new files beside it, and its folder a new time.
    """
    with database.open("rb") as file:
        head = file.read(20)
    return head[18:20] == b"\2\2" and not database.with_name(database.name + "-wal").exists()


def find_stamp(database: Path) -> int:
    """Return what changes whenever the database does: a time in nanoseconds. Raises OSError."""
    stamps = [database.stat().st_mtime_ns]
    for end in ("-wal", "-journal"):
        with suppress(FileNotFoundError):
            stamps.append(database.with_name(database.name + end).stat().st_mtime_ns)
    return max(stamps)


def _back_up(database: Path, how: str, part: Path, deadline: float) -> None:
    """Let SQLite copy; `how`: see https://www.sqlite.org/uri.html#recognized_query_parameters ."""

    def look(_status: int, _left: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError("it is written to all the time")

    address = f"file:{quote(os.fsencode(database))}?{how}"
    wait = max(0.1, min(5.0, deadline - time.monotonic()))
    with (
        closing(sqlite3.connect(address, uri=True, timeout=wait)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        # In the mode of a write-ahead log one reader sees one state, however long it takes; else
        # each change by another begins the copy anew, so all pages are asked for at once.
        (mode,) = source.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(target, pages=PAGES if mode == "wal" else -1, progress=look, sleep=PAUSE)


def _drop_others(wanted: set[Path], staging: Path) -> None:
    """Remove the copies of databases that are gone, and folders that are empty then."""
    for folder, _, names in os.walk(staging, topdown=False):
        for name in names:
            if Path(folder, name) not in wanted:
                Path(folder, name).unlink()
        if folder != str(staging):
            with suppress(OSError):  # it is not empty
                Path(folder).rmdir()


def find_copies(staging: Path) -> Iterator[tuple[Path, Path]]:
    """Yield (copy, path below the root that it is of) of all copies that lie in `staging`."""
    for folder, _, names in os.walk(staging):
        for name in names:
            copied = Path(folder, name)
            yield copied, copied.relative_to(staging)


def put_in_place(staging: Path, root: Path) -> list[Path]:
    """Put the copies in `staging` in the place of the files below `root`; return where.

    A copy gets the mode, the owner and the time of the file that it replaces; one whose file was
    not restored is passed over. Raises OSError.
    """
    placed = []
    for copied, name in find_copies(staging):
        place = root / name
        if not place.is_file() or place.is_symlink():
            continue
        fresh = place.with_name(f".{place.name}{PART}")
        try:
            shutil.copyfile(copied, fresh)
            shutil.copystat(place, fresh)
            with suppress(PermissionError):
                found = place.stat()
                os.chown(fresh, found.st_uid, found.st_gid)
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
        for end in BESIDE:
            place.with_name(place.name + end).unlink(missing_ok=True)
        placed.append(place)
    return placed


def explain(error: Exception) -> str:
    """Return the cause as a few words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
