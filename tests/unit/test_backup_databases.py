"""Databases that are written to all the time are copied whole, and put in place whole."""

import hashlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.backup import databases
from tests.waiting import wait_until

WRITER = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
base.execute("PRAGMA journal_mode=" + sys.argv[2])
base.execute("PRAGMA synchronous=OFF")
base.execute("CREATE TABLE IF NOT EXISTS a (n INTEGER, filler TEXT)")
base.execute("CREATE TABLE IF NOT EXISTS b (n INTEGER, filler TEXT)")
n = 0
while True:
    n += 1
    base.execute("BEGIN IMMEDIATE")
    for table in "ab":
        base.execute(f"INSERT INTO {table} VALUES (?, ?)", (n, "x" * 3000))
        if n % 50 == 0:
            base.execute(f"DELETE FROM {table} WHERE n % 2")
    base.execute("COMMIT")
    if n == 20:
        print("begun", flush=True)
    if len(sys.argv) > 3:
        sys.stdin.readline()
"""


@contextmanager
def writing(database: Path, mode: str) -> Iterator[None]:
    """Have another process write two tables in step, all the time."""
    argv = [sys.executable, "-c", WRITER, str(database), mode]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def judge(copy: Path) -> int:
    """Return the rows of a copy, after SQLite has found it whole and both tables alike."""
    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        a, b = (base.execute(f"SELECT count(*), max(n) FROM {t}").fetchone() for t in "ab")
    assert a == b
    return int(a[0])


def make(database: Path, rows: int = 3) -> None:
    with closing(sqlite3.connect(database)) as base, base:
        for table in "ab":
            base.execute(f"CREATE TABLE IF NOT EXISTS {table} (n INTEGER)")
            base.executemany(f"INSERT INTO {table} VALUES (?)", [(n,) for n in range(rows)])


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_copy_is_whole_while_another_writes(tmp_path: Path, mode: str) -> None:
    database, staging = tmp_path / "busy.db", tmp_path / "copies"
    with writing(database, mode):
        for _ in range(6):
            done = databases.copy_all([database], staging, 30)
            assert done.failures == ()
            assert judge(databases.place_of(database, staging)) > 0


def test_the_original_is_not_touched(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    with closing(sqlite3.connect(database)) as base:
        base.execute("PRAGMA journal_mode=wal")
        base.execute("SELECT * FROM sqlite_schema").fetchall()  # it is open, so the log stays
        make(database)
        wal = tmp_path / "a.db-wal"
        before = [hashlib.sha256(path.read_bytes()).digest() for path in (database, wal)]
        databases.copy_all([database], tmp_path / "copies", 5)
        assert [hashlib.sha256(path.read_bytes()).digest() for path in (database, wal)] == before
    assert judge(databases.place_of(database, tmp_path / "copies")) == 3


def test_one_that_nobody_has_open_stays_as_it_is_and_so_does_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "a.db")) as base:
        base.execute("PRAGMA journal_mode=wal")
    make(folder / "a.db")
    before = folder.stat().st_mtime_ns
    databases.copy_all([folder / "a.db"], tmp_path / "copies", 5)
    assert folder.stat().st_mtime_ns == before
    assert judge(databases.place_of(folder / "a.db", tmp_path / "copies")) == 3


def test_one_that_is_opened_meanwhile_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "a.db"
    with closing(sqlite3.connect(database)) as base:
        base.execute("PRAGMA journal_mode=wal")
    make(database)
    copy = databases._back_up
    hows = []

    def disturb(database: Path, how: str, part: Path, deadline: float) -> None:
        copy(database, how, part, deadline)
        hows.append(how)
        if len(hows) == 1:
            make(database)

    monkeypatch.setattr(databases, "_back_up", disturb)
    databases.copy_all([database], tmp_path / "copies", 5)
    assert hows == ["immutable=1", "mode=ro"]
    assert judge(databases.place_of(database, tmp_path / "copies")) == 6


def test_an_unchanged_one_is_not_copied_again(tmp_path: Path) -> None:
    database, staging = tmp_path / "a.db", tmp_path / "copies"
    make(database)
    databases.copy_all([database], staging, 5)
    place = databases.place_of(database, staging)
    first = place.stat()
    databases.copy_all([database], staging, 5)
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    make(database)
    databases.copy_all([database], staging, 5)
    assert judge(place) == 6


def test_copies_are_private_and_those_of_what_is_gone_go(tmp_path: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "deep/er/other.db"
    other.parent.mkdir(parents=True)
    staging = tmp_path / "copies"
    for database in (one, other):
        make(database)
    assert databases.copy_all([one, other], staging, 5).copies == (other, one)
    place = databases.place_of(other, staging)
    assert place.stat().st_mode & 0o777 == 0o600
    assert staging.stat().st_mode & 0o777 == 0o700
    other.unlink()
    databases.copy_all([one], staging, 5)
    assert [copy for copy, _ in databases.find_copies(staging)] == [
        databases.place_of(one, staging)
    ]
    assert not place.parent.exists()


def test_what_is_no_database_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("some other format")
    (tmp_path / "empty.db").touch()
    done = databases.copy_all(
        [tmp_path / "a.db", tmp_path / "empty.db", tmp_path / "gone.db"], tmp_path / "copies", 5
    )
    assert done == databases.Copied()


def test_a_damaged_one_is_named(tmp_path: Path) -> None:
    database = tmp_path / "a.db"
    database.write_bytes(databases.HEADER + b"\xff" * 5000)
    (failure,) = databases.copy_all([database], tmp_path / "copies", 5).failures
    assert failure.startswith(f"{database}: no consistent copy")


def test_one_that_stays_locked_is_named_in_time_and_its_old_copy_stays(tmp_path: Path) -> None:
    database, staging = tmp_path / "a.db", tmp_path / "copies"
    make(database)
    databases.copy_all([database], staging, 5)
    with closing(sqlite3.connect(database, isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        base.execute("INSERT INTO a VALUES (9)")
        base.execute("PRAGMA cache_spill=1")
        database.touch()
        began = time.monotonic()
        (failure,) = databases.copy_all([database], staging, 0.5).failures
    assert time.monotonic() - began < 10
    assert "locked" in failure
    assert judge(databases.place_of(database, staging)) == 3


@pytest.mark.parametrize("name", ["a b?c#d%20.db", "quote'\".db", "new\nline.db"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    database = tmp_path / name
    make(database)
    (failure, *_) = databases.copy_all([database], tmp_path / "copies", 5).failures or ("",)
    assert failure == ""
    with closing(sqlite3.connect(databases.place_of(database, tmp_path / "copies"))) as base:
        assert base.execute("SELECT count(*) FROM a").fetchone() == (3,)


def test_a_copy_takes_the_place_of_a_torn_file(tmp_path: Path) -> None:
    root, staging = tmp_path / "root", tmp_path / "copies"
    whole = tmp_path / "whole.db"
    make(whole)
    (staging / "w").mkdir(parents=True)
    whole.rename(staging / "w/a.db")
    (root / "w").mkdir(parents=True)
    torn = root / "w/a.db"
    torn.write_bytes(b"torn")
    torn.chmod(0o640)
    for end in databases.BESIDE:
        (root / f"w/a.db{end}").write_bytes(b"old")
    assert databases.put_in_place(staging, root) == [torn]
    assert judge(torn) == 3
    assert torn.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in (root / "w").iterdir()) == ["a.db"]


def test_a_copy_without_its_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "copies/w").mkdir(parents=True)
    (tmp_path / "copies/w/a.db").touch()
    assert databases.put_in_place(tmp_path / "copies", tmp_path / "root") == []
    assert not (tmp_path / "root").exists()


def test_a_writer_is_not_kept_from_writing(tmp_path: Path) -> None:
    database, staging = tmp_path / "busy.db", tmp_path / "copies"
    with writing(database, "wal"):
        databases.copy_all([database], staging, 30)
        first = judge(databases.place_of(database, staging))

        def has_grown() -> bool:
            databases.copy_all([database], staging, 30)
            return judge(databases.place_of(database, staging)) != first

        wait_until(has_grown, "another state")
