"""Restores in place that are killed on their way: nothing is lost, and the same commands finish."""

import io
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent.machine.storage.folders import CACHE_SIGNATURE
from tests.contract.odd_tree import describe
from tests.contract.restore_box import FILES, MINE, RestoreBox
from tests.worlds.small_folder import small_folder


def kinds(box: RestoreBox) -> list[object]:
    return [row["kind"] for row in box.snapshots()]


def has_big_files(box: RestoreBox, count: int) -> Callable[[], bool]:
    """Return what tells whether so many of FILES are there, in whatever order they come."""
    return lambda: len(list(box.workspace.glob("big*"))) >= count


def stop_half_way(box: RestoreBox) -> dict[str, tuple[object, ...]]:
    """Kill a restore of many files; return how the workspace was before it."""
    box.fill()
    box.backup("create")
    for path in box.workspace.glob("big*"):
        path.unlink()
    box.write("only then", "text")
    before = describe(box.workspace)
    box.kill("backup", "restore", "--yes", when=has_big_files(box, 3))
    return before


def test_an_undo_that_was_killed_is_finished_by_the_next(box: RestoreBox) -> None:
    """However often: it never turns round and leads to the half state."""
    box.write("file", "first")
    box.backup("create")
    box.fill()
    before = describe(box.workspace)
    box.restore("--yes")
    after = describe(box.workspace)
    for count in (3, 12):  # restic reads 16 MiB at a time, and then writes all of that
        box.kill("backup", "undo", "--yes", when=has_big_files(box, count))
        assert describe(box.workspace) != before
    box.backup("undo", "--yes")
    assert describe(box.workspace) == before
    box.backup("undo", "--yes")
    assert describe(box.workspace) == after


def test_a_restore_that_was_killed_goes_on_with_its_way_back(box: RestoreBox) -> None:
    """What came in between is in a safety backup of its own."""
    before = stop_half_way(box)
    box.write("in between", "text")
    said = box.restore("--yes").stdout
    assert len(list(box.workspace.iterdir())) == FILES
    assert kinds(box) == ["backup", "safety", "safety"]
    _, first, second = box.snapshots()
    assert f"the previous state is in {str(first['id'])[:8]}" in said
    found = box.home / "found"
    box.restore(str(second["id"]), "--path", "in between", "--to", str(found))
    assert found.read_text() == "text"
    box.backup("undo", "--yes")
    assert describe(box.workspace) == before


def test_a_half_state_is_never_the_latest(box: RestoreBox) -> None:
    stop_half_way(box)
    whole, safety = box.snapshots()
    assert not read_note(box)["finished"]
    lost = next(box.workspace.glob("big*"))
    lost.unlink()
    said = box.run("backup", "create", code=1).stdout
    for words in ("is not finished", f"`devcopilot backup restore {str(whole['id'])[:8]}",
                  "finishes it",
                  f"restores the previous state, {str(safety['id'])[:8]}"):  # fmt: skip
        assert words in said
    assert kinds(box) == ["backup", "safety", "safety"]
    assert "cannot restore anything else" in box.restore("--path", "big4", "--yes", code=1).stderr
    box.backup("prune")
    assert len(kinds(box)) == 3
    box.restore("--yes")
    assert lost.exists()
    box.backup("create")
    assert kinds(box)[-1] == "backup"


def read_note(box: RestoreBox) -> dict[str, object]:
    note = box.home / ".local/state/devcopilot/backup/undo.json"
    return dict(json.loads(note.read_text()))


def test_what_is_left_may_stay(box: RestoreBox) -> None:
    stop_half_way(box)
    box.write("file", "text")
    safety = str(box.snapshots()[-1]["id"])
    assert f"restores {safety[:8]}" in box.backup("undo", "--keep")
    assert "cannot use --keep" in box.run("backup", "undo", "--keep", code=1).stderr
    box.backup("create")
    assert kinds(box) == ["backup", "safety", "backup"]
    box.backup("undo", "--yes")
    assert box.read("file") is None


def test_nothing_changes_before_the_way_back_is_written_down(box: RestoreBox) -> None:
    """The home is full: what is promised was looked at."""
    shutil.rmtree(box.home)
    box.home.mkdir()
    shutil.rmtree(box.folder / "backups/workspace")  # its password was in that home
    with small_folder(box.home, 8, MINE) as small:

        def run(*words: str) -> "subprocess.CompletedProcess[str]":
            return small.run("env", "-i", *(f"{name}={text}" for name, text in box.environ.items()),
                             *box.argv(*words))  # fmt: skip

        assert run("configure", "--boot").returncode == 0
        box.write("file", "first")
        assert run("backup", "create").returncode == 0
        box.write("file", "second, longer")
        small.fill()
        for words in (("backup", "restore", "--yes"), ("backup", "undo", "--yes")):
            done = run(*words)
            assert done.returncode == 1
            assert "restores the previous state" not in done.stderr
            assert "internal error" not in done.stderr
        assert box.read("file") == "second, longer"
        assert "there is no restore to undo" in done.stderr
        done = run("backup", "restore", "--yes")
        assert "undo.json: No space left on device (make room there)" in done.stderr
        assert "nothing was changed" in done.stderr
        small.make_room()
        assert run("backup", "restore", "--yes").returncode == 0
        assert box.read("file") == "first"


def test_a_restore_to_a_new_place_that_was_killed_leaves_nothing_for_ever(box: RestoreBox) -> None:
    box.fill()
    box.backup("create")
    place = box.workspace / "there"

    def find() -> list[Path]:
        return list(box.workspace.glob(".there.partial-*/tree/*"))

    box.kill("backup", "restore", "--to", str(place), when=find)
    assert find()
    box.backup("create")
    assert not place.exists()
    assert not list(box.workspace.glob(".there*"))
    assert box.snapshots()[-1]["files"] == FILES


def act_meanwhile(box: RestoreBox, **actions: str) -> None:
    """Run an action in a shell whenever restic is called with this verb from now on.

    `diff` is what a restore calls after its safety backup, and `ls` what it may call after that.
    """
    arms = "\n".join(f'*" {verb} "*) {action} ;;' for verb, action in actions.items())
    box.put_before_restic(f'case " $* " in\n{arms}\nesac\nexec "$RESTIC" "$@"')


def save(box: RestoreBox, *names: str) -> str:
    """Return what saves these files, for a shell."""
    paths = shlex.join(str(box.workspace / name) for name in names)
    return f"for path in {paths}; do echo 'saved since' >\"$path\"; done"


def test_what_is_saved_while_a_restore_runs_is_kept(box: RestoreBox) -> None:
    box.write("changed", "first")
    box.write("same", "first")
    box.backup("create")
    box.write("changed", "second")
    box.write("lacking", "first")
    act_meanwhile(box, diff=save(box, "changed", "same", "lacking"))
    said = box.restore("--yes").stdout
    assert (box.read("changed"), box.read("same")) == ("first", "first")
    kept = {path.name.partition(".kept")[0]: path for path in box.workspace.iterdir()
            if path.read_text() == "saved since\n"}  # fmt: skip
    assert set(kept) == {"changed", "same", "lacking"}
    assert all(f"kept a file that is in no backup: {path}" in said for path in kept.values())


def test_what_is_saved_while_late_files_are_looked_up_is_kept(box: RestoreBox) -> None:
    """The first is late, and so the snapshot is asked for names; that takes a while."""
    for name in ("first", "changed"):
        box.write(name, "old")
    box.backup("create")
    for name in ("changed", "lacking"):
        box.write(name, "new")
    act_meanwhile(box, diff=save(box, "first"), ls=save(box, "changed", "lacking"))
    box.restore("--yes")
    assert (box.read("first"), box.read("changed")) == ("old", "old")
    kept = {path.name.partition(".kept")[0] for path in box.workspace.iterdir()
            if path.read_text() == "saved since\n"}  # fmt: skip
    assert kept == {"first", "changed", "lacking"}


def test_a_row_written_while_a_restore_runs_is_kept(box: RestoreBox) -> None:
    """Only the log beside the database holds it, and the backup has no such file."""
    path = box.write("app.db", "")
    path.unlink()
    with closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode=wal")
        base.execute("CREATE TABLE rows (text TEXT)")
        base.commit()
    os.chown(path, MINE, MINE)
    box.backup("create")
    insert = "INSERT INTO rows VALUES ('late')"
    words = f"import sqlite3; c = sqlite3.connect('{path}'); c.execute(\"{insert}\"); c.commit()"
    act_meanwhile(box, diff=shlex.join([sys.executable, "-c", words]))
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT * FROM rows").fetchall() == []
        box.restore("--yes")
    (kept,) = (item for item in box.workspace.glob("app.db.kept-*") if item.name[-1].isdigit())
    for place, rows in ((path, []), (kept, [("late",)])):
        with closing(sqlite3.connect(place)) as base:
            assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert base.execute("SELECT * FROM rows").fetchall() == rows


def test_what_no_backup_holds_survives_an_archive(box: RestoreBox) -> None:
    """It cannot be read, or it is a cache."""
    names = ("closed", "cache/file", "held")
    for name in names:
        box.write(name, "newest")
    box.write("cache/CACHEDIR.TAG", CACHE_SIGNATURE.decode())
    (box.workspace / "closed").chmod(0)
    archive = box.folder / "workspace-1.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(f"./{name}")
            member.size = 3
            tar.addfile(member, io.BytesIO(b"old"))
    archive.chmod(0o644)
    box.backup("create", code=1)
    box.restore(str(archive), "--yes")
    (replaced,) = box.workspace.glob(".replaced-*")
    found = {str(path.relative_to(replaced)): path for path in replaced.rglob("*")}
    assert {name for name, path in found.items() if not path.is_dir()} == {"closed", "cache/file"}
    assert found["cache/file"].read_text() == "newest"
    found["closed"].chmod(0o600)
    assert found["closed"].read_text() == "newest"
    assert [box.read(name) for name in names] == ["old"] * 3
    box.backup("undo", "--yes")
    assert box.read("held") == "newest"


def test_an_archive_replaces_what_is_held_also_where_the_workspace_is_a_link(
    box: RestoreBox,
) -> None:
    """Backups name the folder that the link leads to, and so does the way back."""
    box.write("file", "newest")
    archive = box.folder / "workspace-1.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("./file")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"old"))
    archive.chmod(0o644)
    (box.folder / "link").symlink_to(box.workspace)
    box.variables["WORKSPACE_DIR"] = str(box.folder / "link")
    box.configure()
    box.restore(str(archive), "--yes")
    assert [path.name for path in box.workspace.iterdir()] == ["file"]
    assert box.read("file") == "old"
    box.backup("undo", "--yes")
    assert box.read("file") == "newest"
