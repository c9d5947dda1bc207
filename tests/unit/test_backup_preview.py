"""What a dry run tells: what is more than the backup holds, without what is left out."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from agent.backup.create.content import Content
from agent.backup.restore import preview
from agent.backup.restore.in_place import Scope
from agent.backup.restore.preview import Preview, Skipped, find_extras, look
from agent.backup.restore.selection import Chosen
from agent.machine.formats.globs import compile_patterns
from agent.machine.storage.folders import CACHE_SIGNATURE

TIME = datetime(2026, 5, 4, 3, 2, 1, 500_000, tzinfo=UTC)


def test_the_last_pattern_decides() -> None:
    skipped = Skipped([Path("/state")], compile_patterns(["/w/a/*", "!/w/a/b"]))
    assert Path("/w/a/c") in skipped
    assert Path("/w/a/b") not in skipped
    assert Path("/state") in skipped


def test_extras_leave_out_caches_and_follow_no_link(tmp_path: Path) -> None:
    for name in ("known", "more/file", "cache/CACHEDIR.TAG", "cache/content"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "cache/CACHEDIR.TAG").write_bytes(CACHE_SIGNATURE)
    (tmp_path / "link").symlink_to("more")
    known = {str(tmp_path / "known"), str(tmp_path / "cache/CACHEDIR.TAG")}
    found = find_extras(tmp_path, known, Skipped([], compile_patterns([])))
    assert [str(path.relative_to(tmp_path)) for path in found] == ["link", "more/file"]


def test_a_folder_with_a_tag_that_says_nothing_is_no_cache(tmp_path: Path) -> None:
    for name in ("CACHEDIR.TAG", "content"):
        (tmp_path / name).touch()
    found = find_extras(tmp_path, set(), Skipped([], compile_patterns([])))
    assert [path.name for path in found] == ["CACHEDIR.TAG", "content"]


def test_what_no_backup_of_today_holds_is_not_to_be_deleted(tmp_path: Path) -> None:
    """It stays: no longer backed up, or nobody may read it."""
    for name in ("in/more", "in/closed", "out/more"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/dead").symlink_to("nowhere")
    skipped = Skipped([], compile_patterns([]), [tmp_path / "in"])
    found = [str(path.relative_to(tmp_path)) for path in find_extras(tmp_path, set(), skipped)]
    assert found == ["in/closed", "in/dead", "in/more", "in/pipe"]
    (tmp_path / "in/closed").chmod(0)
    assert skipped.stays(tmp_path / "in/closed", stat.S_IFREG) == (os.getuid() != 0)


def test_what_is_removed_meanwhile_or_cannot_be_looked_at_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No backup can hold it: builds remove files all the time, and a folder may be listed only."""
    causes = {"gone": FileNotFoundError(), "closed": PermissionError()}
    for name in ("kept", *causes):
        (tmp_path / name).touch()
    look_up = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        if path.name in causes:
            raise causes[path.name]
        return look_up(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    found = find_extras(tmp_path, set(), Skipped([], compile_patterns([])))
    assert [path.name for path in found] == ["kept"]


def test_extras_are_found_at_any_depth(tmp_path: Path) -> None:
    depth = sys.getrecursionlimit() + 100
    place = os.open(tmp_path, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=place))
    os.close(place)
    (found,) = find_extras(tmp_path, set(), Skipped([], compile_patterns([])))
    assert len(found.relative_to(tmp_path).parts) == depth + 1
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # too deep for shutil


Look = Callable[..., Preview]


@pytest.fixture
def look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Give what previews the restore of a folder in which the snapshot holds these nodes."""

    def find(*nodes: dict[str, object]) -> Preview:
        listed = [{**node, "path": str(tmp_path / str(node["path"]))} for node in nodes]
        monkeypatch.setattr(preview, "list_entries", lambda *_: listed)
        scope, content = Scope(tmp_path / "w", tmp_path), Content((tmp_path / "w",))
        return look(cast("Chosen", None), [scope], content, [])

    (tmp_path / "w").mkdir()
    return find


def put(path: Path, text: str, time: datetime = TIME) -> Path:
    path.write_text(text)
    nanoseconds = int(time.timestamp() * 1000) * 1_000_000
    os.utime(path, ns=(nanoseconds, nanoseconds))
    return path


def node(name: str, kind: str = "file", size: int = 3, time: datetime = TIME) -> dict[str, object]:
    return {"path": name, "type": kind, "size": size, "mtime": time.isoformat()}


def test_a_file_that_is_not_there_comes_back(look_at: Look, tmp_path: Path) -> None:
    found = look_at(node("w", "dir", 0), node("w/new"))
    assert found == Preview([str(tmp_path / "w/new")], [], [], 3)


@pytest.mark.parametrize(
    ("size", "time", "changes"),
    [
        (3, TIME, False),
        (3, TIME + timedelta(microseconds=99), False),
        (3, TIME + timedelta(microseconds=101), True),
        (3, TIME - timedelta(seconds=1), True),
        (4, TIME, True),
    ],
)
def test_a_file_changes_by_size_or_time(
    look_at: Look, tmp_path: Path, size: int, time: datetime, changes: bool
) -> None:
    path = str(put(tmp_path / "w/file", "abc"))
    found = look_at(node("w/file", size=size, time=time))
    assert found == (Preview([], [path], [], size) if changes else Preview())


def test_another_kind_in_its_place_changes(look_at: Look, tmp_path: Path) -> None:
    (tmp_path / "w/folder").mkdir()
    put(tmp_path / "w/file", "abc")
    (tmp_path / "w/link").symlink_to("anywhere")
    found = look_at(node("w/folder"), node("w/file", "dir", 0), node("w/link"))
    names = [str(tmp_path / "w" / name) for name in ("folder", "file", "link")]
    assert found == Preview([], names, [], 6)


def make_link(path: Path, time: datetime = TIME) -> Path:
    path.symlink_to("anywhere")
    nanoseconds = int(time.timestamp() * 1000) * 1_000_000
    os.utime(path, ns=(nanoseconds, nanoseconds), follow_symlinks=False)
    return path


def test_a_link_that_was_made_anew_changes(look_at: Look, tmp_path: Path) -> None:
    """It may lead elsewhere now: restic does not list where it led."""
    link = make_link(tmp_path / "w/link", TIME + timedelta(seconds=1))
    assert look_at(node("w/link", "symlink", 0)) == Preview([], [str(link)], [], 0)


def test_folders_links_and_pipes_are_not_told_of_where_they_are(
    look_at: Look, tmp_path: Path
) -> None:
    (tmp_path / "w/folder").mkdir()
    make_link(tmp_path / "w/link")
    os.mkfifo(tmp_path / "w/pipe")
    found = look_at(
        node("w/folder", "dir", 0), node("w/link", "symlink", 0), node("w/pipe", "fifo", 0),
        node("w/gone", "dir", 0),
    )  # fmt: skip
    assert found == Preview()


def test_what_the_backup_lacks_is_deleted(look_at: Look, tmp_path: Path) -> None:
    known, more = put(tmp_path / "w/known", "abc"), put(tmp_path / "w/more", "abc")
    assert known.exists()
    assert look_at(node("w/known")) == Preview([], [], [str(more)], 0)
