"""What was moved between two looks: into a place where restic had been before."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backup.create import moved_files
from agent.backup.create.content import Content
from agent.backup.create.preparation import Preparation
from agent.backup.create.survey import survey
from agent.machine.storage.birth_times import find_birth_time
from agent.machine.storage.folders import CACHE_SIGNATURE, CACHE_TAG
from tests.worlds.waiting import wait_until

COARSE = 5
"""CLOCK_REALTIME_COARSE, by which the kernel dates files: clock_gettime(2)."""
HOUR = 3600


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("late/file", "late/log", "folder/inner", "folder/other", "saved", "still", "gone"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("work")
    (tmp_path / "early").mkdir()
    for path in tmp_path.rglob("*"):
        os.utime(path, (time.time() - HOUR,) * 2)
    return tmp_path


def tick() -> int:
    """Wait until the kernel dates files later than this moment, and return that."""
    now = time.time_ns()
    wait_until(lambda: time.clock_gettime_ns(COARSE) > now, "a tick of the clock of files")
    return now


def find_moved(workspace: Path, change: Callable[[Path], object], ahead: int = 0) -> set[str]:
    """Return what was moved when this was done between two looks.

    `ahead`: by how many nanoseconds the clock is set back after the first.
    """
    content = Content((workspace,))
    before = survey(content, now=lambda: time.time_ns() + ahead)
    tick()
    change(workspace)
    is_as_seen = before.places.are_as_seen()
    found = {str(path.relative_to(workspace))
             for path in survey(content, before).places.find_moved()}  # fmt: skip
    assert not (is_as_seen and found), "the further look would be left out"
    return found


def test_where_nothing_came_or_went_no_further_look_is_needed(workspace: Path) -> None:
    os.utime(workspace, (time.time() - HOUR,) * 2)

    def look() -> moved_files.Places:
        return survey(Content((workspace,))).places

    wait_until(lambda: look().are_as_seen(), "folders at rest")
    before = look()
    (workspace / "late/file").write_text("more")
    assert before.are_as_seen()
    (workspace / "late/folder").mkdir()
    assert not before.are_as_seen()
    (workspace / "late/folder").rmdir()
    (workspace / "late").rename(workspace / "later")
    assert not before.are_as_seen()


def move(workspace: Path) -> None:
    (workspace / "late/file").rename(workspace / "early/file")


def write_and_move(workspace: Path) -> None:
    """As a log is rotated."""
    with (workspace / "late/log").open("a") as file:
        file.write("more")
    (workspace / "late/log").rename(workspace / "early/log")
    (workspace / "late/log").write_text("a new one")


def move_and_set_dates_back(workspace: Path) -> None:
    """As tar and rsync do with the dates of folders."""
    folders = [(folder, folder.stat()) for folder in (workspace / "late", workspace / "early")]
    move(workspace)
    for folder, at in folders:
        os.utime(folder, ns=(at.st_atime_ns, at.st_mtime_ns))


def move_onto_another(workspace: Path) -> None:
    with (workspace / "late/file").open("a") as file:
        file.write("more")
    (workspace / "late/file").rename(workspace / "still")


def move_folder(workspace: Path) -> None:
    (workspace / "folder").rename(workspace / "moved")


def fill_and_move_folder(workspace: Path) -> None:
    (workspace / "folder/new").touch()
    (workspace / "folder").rename(workspace / "early/moved")


CHANGES: dict[Callable[[Path], None], set[str]] = {
    move: {"early/file"}, move_and_set_dates_back: {"early/file"}, write_and_move: {"early/log"},
    move_onto_another: {"still"}, move_folder: {"moved"}, fill_and_move_folder: {"early/moved"},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_moved_is_seen(workspace: Path, change: Callable[[Path], None]) -> None:
    if find_birth_time(str(workspace)) is None and "write" in change.__name__:
        pytest.skip("this file system does not tell when a file was made")
    assert find_moved(workspace, change) == CHANGES[change]


def test_what_was_moved_is_seen_although_the_clock_was_set_back(workspace: Path) -> None:
    """To the kernel it happened before the look began."""
    assert find_moved(workspace, move, ahead=HOUR * 10**9) == {"early/file"}


def test_what_was_made_during_the_look_before_is_seen(workspace: Path) -> None:
    content, began = Content((workspace,)), tick()
    (workspace / "late/new").write_text("made after it began, and seen")
    before = survey(content, now=iter((began, tick())).__next__)
    (workspace / "late/new").rename(workspace / "early/new")
    found = survey(content, before).places.find_moved()
    assert list(found) == [workspace / "early/new"]


def test_what_is_left_out_may_be_moved(workspace: Path) -> None:
    """Nothing is to be searched for: neither what is excluded, nor what is in a cache."""
    for name in ("logs", "cache"):
        (workspace / name).mkdir()
    (workspace / "cache" / CACHE_TAG).write_bytes(CACHE_SIGNATURE)
    (workspace / "folder" / CACHE_TAG).write_bytes(CACHE_SIGNATURE)
    excludes = (f"{workspace}/logs/*", f"{workspace}/**/*.old")
    source = Preparation(Content((workspace,), excludes), workspace / "none", workspace)
    tick()
    (workspace / "late/log").rename(workspace / "late/log.old")
    (workspace / "late/file").rename(workspace / "logs/file")
    (workspace / "saved").rename(workspace / "cache/saved")
    (workspace / "folder").rename(workspace / "early/cache")
    assert source.look_again() == ()
    tick()
    (workspace / "logs/file").rename(workspace / "early/file")
    assert source.look_again() == (workspace / "early/file",), "of this restic may hold nothing"


def test_what_is_new_is_not_taken_for_moved(workspace: Path) -> None:
    def change(workspace: Path) -> None:
        (workspace / "late/log").write_text("more")
        (workspace / "new").write_text("to take its place")
        (workspace / "new").rename(workspace / "saved")
        subprocess.run(["cp", "-p", workspace / "still", workspace / "copy"], check=True)
        (workspace / "gone").unlink()
        for number in range(50):  # one has the inode of what is gone, where those come back
            (workspace / f"early/{number}").touch()

    assert find_moved(workspace, change) == set()


def test_a_file_is_known_by_its_times_where_nobody_knows_when_it_was_made(workspace: Path) -> None:
    before = moved_files.Places()
    before.note("/w/late", "/w/late/a", os.lstat(workspace / "late/file"))
    before.note("/w/late", "/w/late/b", os.lstat(workspace / "late/log"))
    before.ended = tick()
    (workspace / "late/log").write_text("written since")
    after = moved_files.Places(before)
    after.note_folder("/w/early", os.lstat(workspace / "early"))
    after.note("/w/early", "/w/early/a", os.lstat(workspace / "late/file"))
    after.note("/w/early", "/w/early/b", os.lstat(workspace / "late/log"))
    assert list(after.find_moved(birth=lambda _: None)) == [Path("/w/early/a")]


def test_inodes_may_be_as_large_as_the_kernel_has_them() -> None:
    at = os.stat_result((0o100600, 2**64 - 1, 1, 1, 0, 0, 0, 0, 0, 0))
    moved_files.Places().note("/w", "/w/a", at)
