"""Consistent copies are put in place whole, as the files that they are of."""

import os
import shutil
from pathlib import Path

import pytest

from agent.backup.restore import consistent_copies
from agent.backup.restore.consistent_copies import put_in_place
from agent.machine.storage import sqlite
from tests.unit.test_backup_databases import judge, make


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    return tmp_path / "state/copies"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A restored tree with a torn database, and a copy of it in `staging`."""
    (tmp_path / "root/w").mkdir(parents=True)
    (tmp_path / "root/w/a.db").write_bytes(b"torn")
    return tmp_path / "root"


@pytest.fixture
def copy(staging: Path, root: Path) -> Path:
    (staging / "w").mkdir(parents=True)
    make(staging / "w/a.db")
    return staging / "w/a.db"


def test_a_copy_takes_the_place_of_a_torn_file(root: Path, staging: Path, copy: Path) -> None:
    torn = root / "w/a.db"
    torn.chmod(0o640)
    if os.getuid() == 0:
        os.chown(torn, 1234, 4321)
    os.utime(torn, ns=(1, 2_000_000_001))
    for end in sqlite.BESIDE:
        (root / f"w/a.db{end}").write_bytes(b"old")
    os.utime(root / "w", ns=(3, 4))
    before = torn.stat()
    assert put_in_place(staging, root).placed == (torn,)
    after = torn.stat()
    assert judge(torn) == 3
    assert before.st_ino != after.st_ino
    for name in ("st_mode", "st_uid", "st_gid", "st_mtime_ns"):
        assert getattr(after, name) == getattr(before, name), name
    assert [path.name for path in (root / "w").iterdir()] == ["a.db"]
    assert (root / "w").stat().st_mtime_ns == 4
    assert not copy.exists()


def test_a_file_that_holds_the_same_keeps_its_names(root: Path, staging: Path, copy: Path) -> None:
    place = root / copy.relative_to(staging)
    shutil.copyfile(copy, place)
    other = place.with_name("other.db")
    other.hardlink_to(place)
    Path(f"{place}-wal").write_bytes(b"another's changes")
    assert put_in_place(staging, root).placed == (place,)
    assert other.samefile(place)
    assert not Path(f"{place}-wal").exists()
    assert not copy.exists()


def test_a_file_with_further_names_keeps_them(root: Path, staging: Path, copy: Path) -> None:
    place = root / copy.relative_to(staging)
    place.chmod(0o640)
    os.utime(place, ns=(1, 2_000_000_001))
    other = place.with_name("other.name")
    other.hardlink_to(place)
    Path(f"{place}-wal").write_bytes(b"another's changes")
    assert put_in_place(staging, root).placed == (place,)
    assert other.samefile(place)
    assert judge(other) == 3
    assert (place.stat().st_mode & 0o777, place.stat().st_mtime_ns) == (0o640, 2_000_000_001)
    assert not Path(f"{place}-wal").exists()
    assert not copy.exists()


def test_a_copy_without_its_file_is_passed_over(root: Path, staging: Path, copy: Path) -> None:
    (root / "w/a.db").unlink()
    assert put_in_place(staging, root) == consistent_copies.Placed()
    (root / "w/a.db").symlink_to("/etc/passwd")
    assert put_in_place(staging, root) == consistent_copies.Placed()
    assert copy.exists()


def test_no_link_leads_a_copy_elsewhere(
    root: Path, staging: Path, copy: Path, tmp_path: Path
) -> None:
    (root / "w").rename(tmp_path / "elsewhere")
    (root / "w").symlink_to(tmp_path / "elsewhere")
    done = put_in_place(staging, root)
    assert done.placed == ()
    assert "a link is on the way" in done.failures[0].cause
    assert (tmp_path / "elsewhere/a.db").read_bytes() == b"torn"


def test_the_root_itself_may_be_a_link(
    root: Path, staging: Path, copy: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(root)
    assert put_in_place(staging, tmp_path / "link").failures == ()
    assert judge(root / "w/a.db") == 3


def test_one_that_cannot_be_placed_keeps_no_other_from_it(
    root: Path, staging: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "w/b.db").write_bytes(b"torn")
    shutil.copyfile(copy, staging / "w/b.db")
    real = shutil.copystat

    def refuse(source: Path, target: Path) -> None:
        if source.name == "a.db":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(shutil, "copystat", refuse)
    done = put_in_place(staging, root)
    assert done.placed == (root / "w/b.db",)
    assert str(done.failures[0].cause) == "No space left on device"
    assert (root / "w/a.db").read_bytes() == b"torn"
    assert {path.name for path in (root / "w").iterdir()} == {"a.db", "b.db"}
    assert copy.exists()
