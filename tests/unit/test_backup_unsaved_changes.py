"""What people save while a restore runs is found, each file on its own, and a database as one."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.backup.restore.in_place import Clearing, find_scope, is_kept, make_suffix
from agent.backup.restore.unsaved_changes import Lateness
from tests.worlds.waiting import wait_until

SUFFIX = make_suffix(datetime(2026, 11, 29, 10, 11, 12).astimezone())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def begin(root: Path) -> Lateness:
    """Begin a safety backup: all that is there now is older, and what is saved next is newer."""
    mark = root.parent / "mark"

    def read_time() -> int:
        mark.write_text("")
        return mark.stat().st_mtime_ns

    first = read_time()
    wait_until(lambda: read_time() > first, "a tick")
    return Lateness(mark.stat().st_mtime_ns)


def find(root: Path, lateness: Lateness) -> set[str]:
    return {str(path.relative_to(root)) for path in lateness.find(root)}


class Vanishing:
    """An entry of a folder, whose file goes before anybody looks at it."""

    def __init__(self, entry: "os.DirEntry[str]") -> None:
        self.path = entry.path
        self.is_dir = entry.is_dir
        self._entry = entry

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        if self._entry.name == "gone":
            Path(self.path).unlink()
        return Path(self.path).stat(follow_symlinks=follow_symlinks)


class Listed:
    """What `os.scandir` returns."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __enter__(self) -> Iterator[Vanishing]:
        order = sorted(self._real, key=lambda entry: (entry.name != "gone", entry.name))
        return map(Vanishing, order)

    def __exit__(self, *_: object) -> None:
        self._real.close()


def test_a_file_that_vanishes_hides_no_other(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those beside it nor those in the folders beside it."""
    lateness = begin(root)
    for name in ("gone", "late", "folder/inner"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    real: Callable[[Path], Any] = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: Listed(real(path)))
    assert find(root, lateness) == {"late", "folder/inner"}


def test_a_folder_that_cannot_be_listed_hides_no_other(root: Path) -> None:
    lateness = begin(root)
    for name in ("closed/inner", "open/inner"):
        (root / name).parent.mkdir()
        (root / name).touch()
    (root / "closed").chmod(0)
    assert "open/inner" in find(root, lateness)


# --- databases ----------------------------------------------------------------------------------


def write(base: sqlite3.Connection, text: str) -> None:
    with base:
        base.execute("INSERT INTO rows VALUES (?)", [text])


def read(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [text for (text,) in base.execute("SELECT text FROM rows")]


@pytest.fixture
def base(root: Path) -> Iterator[sqlite3.Connection]:
    """A database with a log in use, one row of which is in the file itself."""
    with closing(sqlite3.connect(root / "app.db")) as opened:
        opened.execute("PRAGMA journal_mode=wal")
        opened.execute("CREATE TABLE rows (text TEXT)")
        write(opened, "held")
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        yield opened


def make_way(root: Path, scope: Path, lateness: Lateness, *changes: str) -> list[Path]:
    """Restore a state that has app.db, and no file beside it."""
    found = frozenset(lateness.find(scope))
    clearing = Clearing(find_scope(scope, [root]), lambda _: [], SUFFIX, lateness)
    rows = [{"modifier": text[0], "path": f"{root}/{text[1:]}"} for text in changes]
    return clearing.clear(rows, found, {str(root), str(root / "app.db")}).kept


@pytest.mark.parametrize("only", ["", "app.db"])
def test_a_row_that_only_the_log_holds_is_kept(
    root: Path, base: sqlite3.Connection, only: str
) -> None:
    """Also where nothing but the database itself is restored."""
    lateness = begin(root)
    write(base, "late")
    kept = make_way(root, root / only, lateness, "-app.db-wal", "-app.db-shm")
    assert not list(root.glob("app.db")) + list(root.glob("app.db-*")), "nothing is in the way"
    assert set(kept) == set(root.iterdir())
    assert all(map(is_kept, kept)), "no restore deletes them"
    assert read(root / f"app.db{SUFFIX}") == ["held", "late"]


def test_half_a_change_is_kept_with_what_takes_it_back(root: Path) -> None:
    """Its writer died while the safety backup was made."""
    with closing(sqlite3.connect(root / "app.db")) as base:
        base.execute("CREATE TABLE rows (text TEXT)")
        write(base, "held")
        base.execute("PRAGMA cache_size=1")
        base.execute("PRAGMA cache_spill=1")
        lateness = begin(root)
        base.execute("BEGIN IMMEDIATE")
        base.executemany("INSERT INTO rows VALUES (?)", [["x" * 1000]] * 100)
        torn = {path.name: path.read_bytes() for path in root.iterdir()}
        base.rollback()
    assert set(torn) == {"app.db", "app.db-journal"}
    for name, data in torn.items():
        (root / name).write_bytes(data)
    kept = make_way(root, root, lateness, "Mapp.db")
    assert {path.name for path in kept} == {f"app.db{SUFFIX}", f"app.db{SUFFIX}-journal"}
    assert read(root / f"app.db{SUFFIX}") == ["held"]


def test_a_log_without_its_database_is_not_left_beside_the_restored_one(root: Path) -> None:
    lateness = begin(root)
    (root / "app.db-wal").write_text("saved since")
    (kept,) = make_way(root, root, lateness, "+app.db")
    assert list(root.iterdir()) == [kept]
    assert kept.read_text() == "saved since"
    assert is_kept(kept)


def test_a_database_that_the_snapshot_lacks_stays_whole(
    root: Path, base: sqlite3.Connection
) -> None:
    lateness = begin(root)
    write(base, "late")
    found = frozenset(lateness.find(root))
    clearing = Clearing(find_scope(root, [root]), lambda _: [], SUFFIX, lateness)
    rows = [{"modifier": "-", "path": str(path)} for path in root.iterdir()]
    assert clearing.clear(rows, found, {str(root)}).deleted == 0
    assert read(root / "app.db") == ["held", "late"]


def test_a_database_that_is_only_read_is_not_late(root: Path, base: sqlite3.Connection) -> None:
    write(base, "held, too")
    lateness = begin(root)
    assert base.execute("SELECT count(*) FROM rows").fetchone() == (2,)
    assert read(root / "app.db") == ["held", "held, too"]
    os.utime(root / "app.db-shm")
    wal = (root / "app.db-wal").stat()
    os.chown(root / "app.db-wal", wal.st_uid, wal.st_gid)  # as SQLite does as root
    assert lateness.is_late((root / "app.db-wal").stat())
    assert find(root, lateness) == set()
