"""One database of SQLite: what it is, whether it has changed, and a consistent copy of it.

The original is only read: nothing beside it is made, emptied or removed.
"""

import os
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

HEADER = b"SQLite format 3\0"
"""https://www.sqlite.org/fileformat.html#the_database_header"""
MODE_AT, LOG_MODE = 18, 2
"""The header's byte that tells how it is written, and its value for a write-ahead log."""
BESIDE = LOG, INDEX, JOURNAL = ("-wal", "-shm", "-journal")
"""The files next to a database that is in use. https://www.sqlite.org/tempfiles.html"""
PAGES = 1024
"""That are copied at a time: between two times the deadline is looked at."""
PAUSE = 0.001
"""Seconds between two looks for a moment without a write. SQLite's own waiting has pauses of up to
0.1 s: beside a constant writer in rollback mode it missed those moments for seconds."""
TICK = 50_000_000
"""Nanoseconds after which one more write shows in a file's times for sure."""
CHUNK = 2**20
PAGE_STEP = 512
"""Bytes: a database is a whole number of pages, and each a multiple of this."""


class InUseError(TimeoutError):
    """Another program never left a moment for a copy."""


Signature = list[list[int] | None]


def is_database(path: Path) -> bool:
    """Tell whether a regular file says that it is a database of SQLite. Raises OSError."""
    return _read_header(path).startswith(HEADER)


def find_signature(path: Path) -> Signature:
    """Return what changes with every write to a database: sizes, times, and which files they are.

    The time of change, which nobody sets back, is the file's alone: SQLite itself, as root, moves
    that of its neighbours whenever it looks.
    """
    signature: Signature = []
    for end in ("", LOG, JOURNAL):
        try:
            found = os.stat(f"{path}{end}")  # noqa: PTH116 - of a name, not of a path
        except OSError:
            signature.append(None)
        else:
            changed = [] if end else [found.st_ctime_ns]
            signature.append([found.st_size, found.st_ino, found.st_mtime_ns, *changed])
    return signature


def is_settled(signature: Signature) -> bool:
    """Tell whether one more write now would change the signature: times are as coarse as a tick."""
    times = [moment for found in signature if found for moment in found[2:]]
    return not any(0 <= time.time_ns() - moment < TICK for moment in times)


def find_size(path: Path) -> int:
    """Return the bytes of a database and of its neighbours."""
    return sum(found[0] for found in find_signature(path) if found)


def copy(path: Path, part: Path, deadline: float) -> None:
    """Copy a database as it is at one moment to the new file `part`, until this time (monotonic).

    Raises InUseError, OSError or sqlite3.Error.
    """
    while not _try_copy(path, part, deadline):
        if time.monotonic() >= deadline:
            raise InUseError("another program is writing to it all the time")
        time.sleep(PAUSE)


def _try_copy(path: Path, part: Path, deadline: float) -> bool:
    """Copy a database to `part`; return False when another program was in the way."""
    for end in ("", *BESIDE):
        Path(f"{part}{end}").unlink(missing_ok=True)
    uses_log = _read_header(path)[MODE_AT:][:1] == bytes([LOG_MODE])
    if uses_log and not os.path.lexists(f"{path}{INDEX}"):
        return _copy_idle(path, part, deadline)  # SQLite would make the two files of the log
    try:
        return _copy_live(path, part, deadline)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            return _copy_idle(path, part, deadline)  # its writer died in the midst of a change
        raise


def _copy_live(path: Path, part: Path, deadline: float) -> bool:
    """Copy under a lock of SQLite's, so that no change by another is in the midst of it.

    With a log, SQLite itself copies, as in https://www.sqlite.org/backup.html : in one transaction,
    else each change by another begins the copy anew. Without one, writers wait meanwhile, and the
    file is whole as it is. Then its bytes are copied: SQLite would count the copy as a change.
    """

    def look(_status: int, _left: int, _total: int) -> None:
        if time.monotonic() >= deadline:
            raise TimeoutError("it takes too long")

    address = f"file:{quote(os.fsencode(path))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as source:
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if source.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            _copy_bytes(str(path), str(part), deadline)  # its end gives up the lock: POSIX
            return True
        with closing(sqlite3.connect(part)) as target:
            source.backup(target, pages=PAGES, progress=look)
        _append_rest(path, part, deadline)
    return True


def _copy_idle(path: Path, part: Path, deadline: float) -> bool:
    """Copy the files of a database that nobody has open, and let SQLite repair the copy.

    Return False when somebody has begun to use it.
    """
    settled = min(deadline, time.monotonic() + 4 * TICK / 1e9)
    while not is_settled(before := find_signature(path)):
        if time.monotonic() >= settled:
            return False
        time.sleep(PAUSE)
    for end, found in zip(("", LOG, JOURNAL), before, strict=True):
        if found:
            _copy_bytes(f"{path}{end}", f"{part}{end}", deadline)
    if find_signature(path) != before or os.path.lexists(f"{path}{INDEX}"):
        return False
    with closing(sqlite3.connect(part)) as base:
        base.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not before[-1]:  # else what lies behind the pages may be half a change
        _append_rest(path, part, deadline)
    return True


def _append_rest(path: Path, part: Path, deadline: float) -> None:
    """Add to a copy that SQLite has made what lies behind the pages of the original.

    SQLite reads it neither here nor there.
    """
    _copy_bytes(str(path), str(part), deadline, start=part.stat().st_size)


def _copy_bytes(source: str, target: str, deadline: float, start: int = 0) -> None:
    """Append to `target` what `source` holds from `start` on."""
    with open(source, "rb") as old, open(target, "ab") as new:  # noqa: PTH123 - names, not paths
        old.seek(start)
        while chunk := old.read(CHUNK):
            new.write(chunk)
            if time.monotonic() >= deadline:
                raise TimeoutError("it takes too long")
        new.flush()
        os.fsync(new.fileno())


def _read_header(path: Path) -> bytes:
    """Return the first bytes of a regular file; nothing of anything else. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, MODE_AT + 1) if is_file else b""
    finally:
        os.close(descriptor)
