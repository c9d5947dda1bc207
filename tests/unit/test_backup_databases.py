"""Databases that are written to all the time are copied whole, and put in place whole."""

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.backup.create import databases
from agent.backup.create.databases import Copied, copy_all, find_place
from agent.machine.storage import sqlite
from tests.worlds.programs import Awaited
from tests.worlds.waiting import DEADLINE, wait_until

WRITER = """
import sqlite3, sys
base = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
base.execute("PRAGMA journal_mode=" + sys.argv[2])
for table in "ab":
    base.execute(f"CREATE TABLE IF NOT EXISTS {table} (n INTEGER, filler TEXT)")
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
"""

DYING = """
import os, sqlite3, sys
base = sqlite3.connect(sys.argv[1], isolation_level=None)
base.execute("PRAGMA cache_size=10")
base.execute("BEGIN")
for table in "ab":
    base.execute(f"INSERT INTO {table} SELECT n + 1000, zeroblob(3000) FROM {table}")
base.execute("UPDATE a SET n = n + 5000")
os._exit(0)
"""


@contextmanager
def writing(database: Path, mode: str) -> Iterator[None]:
    """Have another process write two tables in step, all the time, with syncs."""
    argv = [sys.executable, "-c", WRITER, str(database), mode]
    with Awaited[bytes](argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield
            assert process.poll() is None, "the writer was disturbed"
        finally:
            process.kill()


def judge(copy: Path) -> int:
    """Return the rows of a copy, after SQLite has found it whole and both tables alike."""
    with closing(sqlite3.connect(f"{copy.as_uri()}?immutable=1", uri=True)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        a, b = (base.execute(f"SELECT count(*), max(n) FROM {t}").fetchone() for t in "ab")
    assert a == b
    return int(a[0])


def make(database: Path, rows: int = 3, mode: str = "delete") -> None:
    with closing(sqlite3.connect(database)) as base, base:
        base.execute(f"PRAGMA journal_mode={mode}")
        for table in "ab":
            base.execute(f"CREATE TABLE IF NOT EXISTS {table} (n INTEGER, filler TEXT)")
            base.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(n, "") for n in range(rows)])


def look(folder: Path) -> dict[str, tuple[str, int]]:
    """Return what the files of a folder hold, and when they were changed."""
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
        if path.is_file()
    }


def settle(*paths: Path) -> None:
    """Wait until one more write would show."""
    wait_until(lambda: all(sqlite.is_settled(sqlite.find_signature(p)) for p in paths), "a tick")


def run(candidates: list[Path], staging: Path, seconds: float = 60, each: float = 60) -> Copied:
    return copy_all(candidates, staging, seconds=seconds, each=each)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return tmp_path / "state/copies"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work/a.db"


# --- beside writers ---


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate", "persist"])
def test_a_copy_is_whole_while_another_writes(database: Path, staging: Path, mode: str) -> None:
    with writing(database, mode):
        for _ in range(6):
            assert run([database], staging).failures == ()
            assert judge(find_place(database, staging)) > 0


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_plain_copy_is_torn(tmp_path: Path, database: Path, mode: str) -> None:
    """What the judge is good for: without SQLite's help it finds fault, sooner or later."""

    def is_torn() -> bool:
        raw = tmp_path / "raw.db"
        shutil.copyfile(database, raw)
        try:
            newest = judge(raw)
        except (sqlite3.Error, AssertionError):
            return True
        return newest == 0

    with writing(database, mode):
        if mode == "wal":  # what is in the log alone is lost, which is no tear
            wait_until(lambda: database.stat().st_size > 50_000, "a checkpoint")
        wait_until(is_torn, "a torn copy")


def test_a_copy_shows_what_was_written_before_it(database: Path, staging: Path) -> None:
    with writing(database, "wal"):
        run([database], staging)
        first = judge(find_place(database, staging))

        def has_grown() -> bool:
            run([database], staging)
            return judge(find_place(database, staging)) != first

        wait_until(has_grown, "another state")


def test_one_that_stays_locked_is_named_in_time_and_its_old_copy_stays(
    database: Path, staging: Path, tmp_path: Path
) -> None:
    free = tmp_path / "work/b.db"
    make(database)
    make(free)
    run([database], staging)
    make(database)
    settle(database)
    with closing(sqlite3.connect(database, isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        done = run([database, free], staging, each=0.3)
        assert time.monotonic() - began < DEADLINE
    assert done.copied == (free,)
    (failure,) = done.failures
    assert failure.path == database
    assert "another program" in str(failure)
    assert judge(find_place(database, staging)) == 3
    assert run([database, free], staging).copied == (database,)
    assert judge(find_place(database, staging)) == 6


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_long_copy_is_ended_at_its_deadline(
    database: Path, staging: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    make(database, rows=3000, mode=mode)
    settle(database)
    monkeypatch.setattr(sqlite, "PAGES", 1)
    monkeypatch.setattr(sqlite, "CHUNK", 1)
    late = SimpleNamespace(monotonic=lambda: time.monotonic() + 1000, time_ns=time.time_ns)
    monkeypatch.setattr(sqlite, "time", late)
    (failure,) = run([database], staging).failures
    assert failure.cause == "it takes too long"
    assert list(staging.iterdir()) == []


def test_when_the_time_for_all_is_over_the_rest_is_named(database: Path, staging: Path) -> None:
    make(database)
    (failure,) = run([database], staging, seconds=0).failures
    assert "no time" in failure.cause


def test_small_ones_come_first(tmp_path: Path, staging: Path) -> None:
    big, small = tmp_path / "a.db", tmp_path / "b.db"
    make(big, rows=20_000)
    make(small)
    order = []

    def note(path: Path, part: Path, _deadline: float) -> None:
        order.append(path)
        part.touch()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "copy", note)
        run([big, small], staging)
    assert order == [small, big]


@pytest.mark.parametrize("mode", ["wal", "delete", "persist"])
@pytest.mark.parametrize("appended", [b"", b"what somebody appended", bytes(8192)])
def test_the_copy_of_one_at_rest_is_the_same_to_the_byte(
    database: Path, staging: Path, mode: str, appended: bytes
) -> None:
    """SQLite knows neither what lies behind its pages, nor that git tells one byte from another."""
    make(database, mode=mode)
    with database.open("ab") as file:
        file.write(appended)
    assert run([database], staging).copied == (database,)
    assert find_place(database, staging).read_bytes() == database.read_bytes()


@pytest.mark.parametrize("appended", [b"what somebody appended", bytes(8192)])
def test_what_is_appended_to_one_in_use_is_in_the_copy(
    database: Path, staging: Path, appended: bytes
) -> None:
    make(database, mode="wal")
    with closing(sqlite3.connect(database)) as base:
        base.execute("SELECT * FROM a").fetchall()
        assert database.with_name("a.db-shm").exists()
        with database.open("ab") as file:
            file.write(appended)
        assert run([database], staging).copied == (database,)
    assert find_place(database, staging).read_bytes().endswith(appended)
    assert find_place(database, staging).stat().st_size == database.stat().st_size
    assert judge(find_place(database, staging)) == 3


@pytest.mark.parametrize("name", ["other.db", "a-first.db"])
def test_each_name_of_one_in_use_has_all_of_it(database: Path, staging: Path, name: str) -> None:
    """The log lies beside one of them alone, and holds what is new."""
    other = database.with_name(name)
    make(database, rows=1, mode="wal")
    other.hardlink_to(database)
    with closing(sqlite3.connect(database)) as base:
        base.execute("SELECT * FROM a").fetchall()
        make(database, rows=2, mode="wal")
        assert set(run([database, other], staging).copied) == {database, other}
        settle(database, other)
        make(database, rows=2, mode="wal")
        run([database, other], staging)
        assert [judge(find_place(path, staging)) for path in (database, other)] == [5, 5]
    assert not Path(f"{other}-wal").exists()


# --- the originals ---


def test_one_in_use_is_not_touched(database: Path, staging: Path) -> None:
    make(database, rows=1, mode="wal")
    with closing(sqlite3.connect(database)) as base:
        base.execute("SELECT * FROM a").fetchall()  # it is open, so the log stays
        make(database, rows=2, mode="wal")
        before = look(database.parent)
        assert before[f"{database.name}-wal"][0] != hashlib.sha256().hexdigest()
        run([database], staging)
        after = look(database.parent)
    index = f"{database.name}-shm"  # memory that is shared by who has it open
    assert before.pop(index)
    assert after.pop(index)
    assert after == before
    assert judge(find_place(database, staging)) == 3


def test_one_that_nobody_has_open_is_not_touched(database: Path, staging: Path) -> None:
    make(database, mode="wal")
    before = look(database.parent)
    assert list(before) == [database.name]
    assert run([database], staging).failures == ()
    assert look(database.parent) == before
    assert judge(find_place(database, staging)) == 3


def test_what_a_dead_writer_left_in_its_log_is_in_the_copy(
    tmp_path: Path, database: Path, staging: Path
) -> None:
    other = tmp_path / "other.db"
    make(other, rows=1, mode="wal")
    with closing(sqlite3.connect(other)) as base:
        base.execute("SELECT * FROM a").fetchall()
        make(other, rows=2, mode="wal")
        for end in ("", "-wal"):
            shutil.copyfile(f"{other}{end}", f"{database}{end}")
    before = look(database.parent)
    run([database], staging)
    assert look(database.parent) == before
    assert judge(find_place(database, staging)) == 3


def test_half_a_change_of_a_dead_writer_is_not_in_the_copy(database: Path, staging: Path) -> None:
    make(database, rows=1000)
    subprocess.run([sys.executable, "-c", DYING, str(database)], check=True, timeout=60)
    assert database.with_name("a.db-journal").stat().st_size > 0
    before = look(database.parent)
    assert run([database], staging).failures == ()
    assert look(database.parent) == before
    assert judge(find_place(database, staging)) == 1000


# --- the second backup ---


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_an_unchanged_one_is_not_even_read(database: Path, staging: Path, mode: str) -> None:
    make(database, mode=mode)
    settle(database)
    assert run([database], staging).copied == (database,)
    first = find_place(database, staging).stat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "copy", lambda *_: pytest.fail("it was copied again"))
        assert run([database], staging).unchanged == (database,)
    second = find_place(database, staging).stat()
    assert (first.st_ino, first.st_mtime_ns) == (second.st_ino, second.st_mtime_ns)
    make(database, mode=mode)
    assert run([database], staging).copied == (database,)
    assert judge(find_place(database, staging)) == 6


def test_one_that_only_seems_changed_leaves_its_copy_untouched(
    database: Path, staging: Path
) -> None:
    make(database)
    run([database], staging)
    first = find_place(database, staging).stat()
    database.touch()
    assert run([database], staging) == Copied(unchanged=(database,))
    second = find_place(database, staging).stat()
    assert (first.st_ino, first.st_ctime_ns) == (second.st_ino, second.st_ctime_ns)


def test_a_change_that_its_times_do_not_show_is_seen(database: Path, staging: Path) -> None:
    make(database)
    settle(database)
    run([database], staging)
    found = database.stat()
    make(database)
    os.truncate(database, max(found.st_size, database.stat().st_size))
    os.utime(database, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert run([database], staging).copied == (database,)


def test_one_that_was_just_written_is_looked_at_again(
    database: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "TICK", 10**15)
    make(database)
    run([database], staging)
    copied = []
    monkeypatch.setattr(sqlite, "copy", lambda *words: copied.append(words[1].touch()))
    run([database], staging)
    assert copied


def test_a_broken_memory_counts_for_nothing(database: Path, staging: Path) -> None:
    make(database)
    staging.mkdir(parents=True)
    for text in ("[1]", "{", ""):
        staging.with_name("copies.json").write_text(text)
        assert run([database], staging).failures == ()


def test_copies_are_private_and_those_of_what_is_gone_go(tmp_path: Path, staging: Path) -> None:
    one, other = tmp_path / "one.db", tmp_path / "deep/er/other.db"
    other.parent.mkdir(parents=True)
    for path in (one, other):
        make(path)
        path.chmod(0o644)
    assert run([one, other], staging).copied == (other, one)
    place = find_place(other, staging)
    assert place.stat().st_mode & 0o777 == 0o600
    assert staging.stat().st_mode & 0o777 == 0o700
    (staging / ".new-killed").mkdir()
    (staging / ".new-killed/database").touch()
    other.unlink()
    run([one, other], staging)
    assert [copy for copy, _ in databases.find_copies(staging)] == [find_place(one, staging)]
    assert not place.parent.exists()
    assert not (staging / ".new-killed").exists()


def test_a_file_and_a_folder_may_change_places(tmp_path: Path, staging: Path) -> None:
    plain = tmp_path / "a.db"
    make(plain)
    run([plain], staging)
    plain.unlink()
    plain.mkdir()
    inner = plain / "b.db"
    make(inner)
    assert run([plain, inner], staging).copied == (inner,)
    shutil.rmtree(plain)
    make(plain)
    assert run([plain, inner], staging).copied == (plain,)


# --- odd ones ---


def test_what_is_no_database_is_no_fault(tmp_path: Path, staging: Path) -> None:
    (tmp_path / "a.db").write_text("some other format")
    (tmp_path / "empty.db").touch()
    (tmp_path / "link.db").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.db")
    names = ("a.db", "empty.db", "gone.db", "pipe.db")
    assert run([tmp_path / name for name in names], staging) == Copied()


def test_a_copy_is_never_copied(database: Path, staging: Path) -> None:
    make(database)
    run([database], staging)
    done = run([database, find_place(database, staging)], staging)
    assert done == Copied(unchanged=(database,))


def test_one_that_cannot_be_read_keeps_its_old_copy(
    database: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database)
    run([database], staging)

    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(databases, "is_database", refuse)
    done = run([database], staging)
    assert done.failures == (databases.Failure(database, "Permission denied"),)
    assert judge(find_place(database, staging)) == 3


def test_a_damaged_one_is_named(database: Path, staging: Path) -> None:
    database.write_bytes(sqlite.HEADER + b"\xff" * 5000)
    (failure,) = run([database], staging).failures
    assert str(failure).startswith(f"{database}: no consistent copy of now: ")


@pytest.mark.parametrize("mode", ["wal", "delete"])
@pytest.mark.parametrize("size", [16, 100, 512, 4096, 0.5])
def test_what_sqlite_cannot_read_is_a_plain_file_while_nobody_writes_to_it(
    database: Path, staging: Path, mode: str, size: float
) -> None:
    """Such as what a project tests its own reading with."""
    make(database, rows=500, mode=mode)
    run([database], staging)
    os.truncate(database, int(size * database.stat().st_size if size < 1 else size))
    settle(database)
    (failure,) = run([database], staging).failures
    assert failure.is_whole()
    assert not find_place(database, staging).exists(), "a restore would put it in its place"
    with database.open("ab") as file:
        file.write(b"more")
    assert not failure.is_whole()


def test_without_room_it_is_named(
    database: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database)
    monkeypatch.setattr(databases, "RESERVE", 2**62)
    (failure,) = run([database], staging).failures
    assert "too little room" in failure.cause


def test_without_room_the_file_of_one_that_rests_will_do(
    database: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database)
    run([database], staging)
    make(database)
    settle(database)
    monkeypatch.setattr(databases, "RESERVE", 2**62)
    (failure,) = run([database], staging).failures
    assert failure.is_whole()
    assert not find_place(database, staging).exists(), "a restore would put an older state in place"
    make(database)
    assert not failure.is_whole()


@pytest.mark.parametrize(
    "name",
    ["a b?c#d%20.db", "quote'\".db", "new\nline.db", "ä€.db", os.fsdecode(b"\xff.db"), "n" * 255],
)
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_odd_names(database: Path, staging: Path, name: str, mode: str) -> None:
    make(database, mode=mode)
    odd = database.rename(database.with_name(name))
    settle(odd)
    assert run([odd], staging) == Copied(copied=(odd,))
    assert run([odd], staging) == Copied(unchanged=(odd,))
    whole = shutil.copyfile(find_place(odd, staging), database.with_name("judge"))
    assert judge(whole) == 3
