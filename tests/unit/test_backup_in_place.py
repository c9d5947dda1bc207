"""Making way in place: only what the safety backup holds is deleted, and no link is followed."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.backup.restore.in_place import Cleared, Clearing, find_scope
from agent.backup.restore.unsaved_changes import Kin, Lateness
from agent.machine.storage import folders
from tests.worlds.waiting import wait_until

NEVER = Lateness(float("inf"))


def clear(
    root: Path, *changes: str, held: tuple[str, ...] = (), late: tuple[str, ...] = (),
    wanted: tuple[str, ...] = (), lateness: Lateness = NEVER,
) -> Cleared:  # fmt: skip
    scope = find_scope(root, [root])
    rows = [{"modifier": text[0], "path": f"{root}/{text[1:]}"} for text in changes]
    nodes = [{"path": f"{root}/{name}"} for name in held]
    clearing = Clearing(scope, lambda _: nodes, ".kept", lateness)
    return clearing.clear(
        rows, [root / name for name in late], [f"{root}/{name}" for name in wanted]
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_a_folder_goes_when_all_in_it_is_held(root: Path) -> None:
    (root / "new/deep").mkdir(parents=True)
    (root / "new/deep/file").touch()
    assert clear(root, "-new/", "-new/deep/", "-new/deep/file").deleted == 3
    assert list(root.iterdir()) == []


def test_what_is_not_held_stays_with_its_folder(root: Path) -> None:
    (root / "new").mkdir()
    (root / "new/held").touch()
    (root / "new/made since").touch()
    clear(root, "-new/", "-new/held")
    assert [path.name for path in (root / "new").iterdir()] == ["made since"]


def test_nothing_is_deleted_through_a_link(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    (root / "folder").symlink_to(outside)
    cleared = clear(root, "-folder/file", "+folder/other")
    assert (outside / "file").exists()
    assert cleared == Cleared()


def test_a_link_itself_may_go(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(tmp_path)
    assert clear(root, "-link").deleted == 1
    assert tmp_path.exists()


def test_a_folder_gives_way_to_a_file(root: Path) -> None:
    (root / "was/a").mkdir(parents=True)
    (root / "was/a/file").touch()
    clear(root, "Twas/", held=("was", "was/a", "was/a/file"))
    assert not (root / "was").exists()


def test_what_is_not_held_in_it_is_put_aside(root: Path) -> None:
    (root / "was").mkdir()
    (root / "was/held").touch()
    (root / "was/cache").touch()
    cleared = clear(root, "Twas/", held=("was", "was/held"))
    assert cleared.kept == [root / "was.kept"]
    assert [path.name for path in (root / "was.kept").iterdir()] == ["cache"]


def test_a_pipe_in_the_way_is_removed(root: Path) -> None:
    """restic would wait for somebody at its other end."""
    os.mkfifo(root / "file")
    os.mkfifo(root / "other")
    clear(root, "Tfile", "+other")
    assert list(root.iterdir()) == []


def test_names_that_json_cannot_hold_are_found(root: Path) -> None:
    name = os.fsdecode(b"a\xff\xfeb\n")
    (root / name).touch()
    (root / "axxb").touch()
    clear(root, "-a\ufffd\ufffdb\n")
    assert [path.name for path in root.iterdir()] == ["axxb"]


def test_closed_folders_are_opened_for_restic(root: Path) -> None:
    (root / "closed").mkdir(mode=0o555)
    (root / "closed/file").parent.chmod(0o555)
    clear(root, "Mclosed/file")
    assert (root / "closed").stat().st_mode & 0o777 == 0o755


def test_a_scope_is_not_left(root: Path) -> None:
    (root / "a").touch()
    (root / "a b").touch()
    scope = find_scope(root / "a", [root])
    rows = [{"modifier": "-", "path": str(root / name)} for name in ("a", "a b", "c")]
    Clearing(scope, lambda _: [], ".kept", NEVER).clear(rows)
    assert [path.name for path in root.iterdir()] == ["a b"]


def test_the_anchor_is_the_nearest_real_folder(root: Path, tmp_path: Path) -> None:
    (root / "real").mkdir()
    (root / "link").symlink_to("real")
    (root / "file").touch()
    for path, anchor, top in (
        (root, tmp_path, root),
        (root / "real/x/y", root / "real", root / "real/x"),
        (root / "link/x", root, root / "link"),
        (root / "file/x", root, root / "file"),
        (root / "gone/x", root, root / "gone"),
    ):
        scope = find_scope(path, [root])
        assert (scope.anchor, scope.top) == (anchor, top)


@pytest.mark.parametrize(("modifier", "kept"), [("T", []), ("+", ["link.kept"])])
def test_a_link_on_the_way_is_removed(root: Path, modifier: str, kept: list[str]) -> None:
    (root / "link").symlink_to("elsewhere")
    scope = find_scope(root / "link/x", [root])
    rows = [{"modifier": modifier, "path": f"{root}/link/"}]
    Clearing(scope, lambda _: [], ".kept", NEVER).clear(rows)
    assert [path.name for path in root.iterdir()] == kept


def test_a_tree_that_is_closed_can_be_removed(root: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").touch()
    (root / "a/b").chmod(0)
    (root / "a").chmod(0o500)
    folders.remove_tree(root)
    assert not root.exists()


def test_what_was_saved_after_the_safety_backup_is_kept(root: Path) -> None:
    """Whether the snapshot has it, lacks it, or has something else of that name."""
    for name in ("changed", "same", "lacking", "folder/inner", "type"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("saved since")
    cleared = clear(
        root, "Mchanged", "-lacking", "Tfolder/", "Ttype", held=("folder", "folder/inner"),
        late=("changed", "same", "lacking", "folder/inner", "type"),
        wanted=("changed", "same", "folder", "type"),
    )  # fmt: skip
    assert cleared.deleted == 0
    names = {str(path.relative_to(root)) for path in root.rglob("*")}
    assert names == {
        "changed.kept", "same.kept", "lacking", "folder.kept", "folder.kept/inner", "type.kept",
    }  # fmt: skip
    assert {root / name for name in names - {"folder.kept/inner"}} <= {*cleared.kept}


@pytest.fixture
def lateness(root: Path) -> Lateness:
    """Of a safety backup that begins now, when all files in the workspace are old."""
    (root / "mark").touch()
    since = (root / "mark").stat().st_ctime_ns + 1
    (root / "mark").unlink()
    return Lateness(since)


def save(path: Path, lateness: Lateness) -> None:
    """Save a file after the safety backup has begun."""

    def is_saved() -> bool:
        path.write_text("saved since")
        return lateness.is_late(path.stat())

    wait_until(is_saved, "a tick")


@pytest.mark.parametrize("modifier", ["M", "-", "T", "+"])
def test_what_is_saved_only_now_is_kept(root: Path, modifier: str, lateness: Lateness) -> None:
    """Nobody had seen it when the late files were looked for."""
    save(root / "file", lateness)
    cleared = clear(root, f"{modifier}file", lateness=lateness)
    (kept,) = root.iterdir()
    assert kept.read_text() == "saved since"
    assert (cleared.kept, cleared.deleted) == ([kept], 0)
    assert (kept.name == "file") == (modifier == "-"), "what stays has its name"


def test_names_of_one_file_go_together(root: Path) -> None:
    """That the first one goes dates the others: nobody has saved them."""
    (root / "a").touch()
    for name in ("b", "c"):
        (root / name).hardlink_to(root / "a")
    lateness = Lateness((root / "a").stat().st_ctime_ns + 1)
    save(root / "since", lateness)
    assert clear(root, "-a", "-b", "-c", lateness=lateness).deleted == 3


def test_what_lies_in_a_folder_that_is_put_aside_is_told_of_once(root: Path) -> None:
    (root / "folder").mkdir()
    (root / "folder/inner").touch()
    (root / "folder/held").touch()
    cleared = clear(
        root, "Tfolder/", held=("folder", "folder/inner", "folder/held"),
        late=("folder/inner",), wanted=("folder",),
    )  # fmt: skip
    assert cleared.kept == [root / "folder.kept"]
    assert [path.name for path in (root / "folder.kept").iterdir()] == ["inner"]


def test_no_kept_file_is_replaced_by_another(root: Path) -> None:
    for text in ("first", "second"):
        (root / "file").write_text(text)
        clear(root, late=("file",), wanted=("file",))
    assert {path.name: path.read_text() for path in root.iterdir()} == {
        "file.kept": "first", "file.kept.2": "second",
    }  # fmt: skip


def touch(path: Path) -> float:
    """Return the time that a file gets now."""
    path.touch()
    return path.stat().st_ctime_ns


class Visitor(Lateness):
    """Writes to a database by its name while another file is looked at."""

    database: Path

    def is_any_late(self, kin: Kin) -> bool:
        if kin[0][0].name.endswith("-middle"):
            write(self.database, "new")
        return super().is_any_late(kin)


def write(database: Path, *names: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as opened:
        opened.execute("CREATE TABLE IF NOT EXISTS x (name)")
        for name in names:
            opened.execute("INSERT INTO x VALUES (?)", (name,))


def read(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as opened:
        return [name for (name,) in opened.execute("SELECT name FROM x")]


def leave_with_log(root: Path, database: str) -> None:
    """Leave a database as a program does that is killed: its last row is only in the log."""
    made = root.parent / database
    with closing(sqlite3.connect(made, isolation_level=None)) as opened:
        opened.execute("PRAGMA journal_mode = WAL")
        opened.execute("PRAGMA wal_autocheckpoint = 0")
        write(made, "old")
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        write(made, "in the log")
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{made}{end}", root / f"{database}{end}")
    assert read(made) == ["old", "in the log"]


def test_a_database_goes_with_its_log_at_once(root: Path) -> None:
    """Whoever opens it while others go finds all of it, or nothing."""
    leave_with_log(root, "app.db")
    (root / "app.db-middle").touch()
    names = ("app.db", "app.db-middle", "app.db-shm", "app.db-wal")
    visitor = Visitor(max(path.stat().st_ctime_ns for path in root.iterdir()) + 1)
    object.__setattr__(visitor, "database", root / "app.db")
    wait_until(lambda: touch(root.parent / "probe") > visitor.since, "the next tick of files")
    clear(root, *(f"-{name}" for name in names), lateness=visitor)
    assert read(root / "app.db") == ["new"]
    assert not (root / "app.db-middle").exists()
