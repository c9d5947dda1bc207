"""`devcopilot backup restore` and `undo` with the real restic, as an unprivileged user."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.contract.odd_tree import describe, make_odd_tree, own
from tests.contract.restore_box import MINE, RestoreBox
from tests.worlds.needs import need
from tests.worlds.shares import fixed_share
from tests.worlds.waiting import wait_until

CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55"


@pytest.fixture
def odd(box: RestoreBox) -> RestoreBox:
    """With an odd tree in the workspace, and one backup of it."""
    make_odd_tree(box.workspace)
    own(box.workspace, MINE)
    box.backup("create")
    return box


def ruin(box: RestoreBox) -> None:
    """Change everything that can be changed."""
    (box.workspace / "closed").chmod(0o755)
    for name in ("plain", "dist", "closed"):
        path = box.workspace / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (box.workspace / "pipe").unlink()
    box.write("plain", "changed")
    box.write("pipe", "no pipe any more")
    box.write("build/deep/file", "changed as well")
    box.write("extra/deep/file", "not in the backup")
    box.write(os.fsdecode(b"extra\xfe"), "not in the backup")
    (box.workspace / "private").unlink()
    os.mkfifo(box.workspace / "private")
    (box.workspace / "script").unlink()
    box.write("script/was/a/file", "a folder now")
    shutil.rmtree(box.workspace / "node_modules")
    (box.workspace / "node_modules").symlink_to("/etc")
    for name in ("private", "node_modules"):
        os.lchown(box.workspace / name, MINE, MINE)
    box.workspace.chmod(0o700)


def test_all_comes_back_in_place_and_undo_takes_it_back(odd: RestoreBox) -> None:
    before = describe(odd.workspace)
    ruin(odd)
    ruined = describe(odd.workspace)
    said = odd.restore("--yes").stdout
    assert describe(odd.workspace) == before
    assert "`devcopilot backup undo` restores it" in said
    odd.backup("undo", "--yes")
    assert describe(odd.workspace) == ruined
    odd.backup("undo", "--yes")
    assert describe(odd.workspace) == before


def test_a_dry_run_changes_nothing_and_names_everything(odd: RestoreBox) -> None:
    ruin(odd)
    ruined = describe(odd.workspace)
    count = len(odd.snapshots())
    found = json.loads(odd.restore("--dry-run", "--json").stdout)["changes"]
    assert describe(odd.workspace) == ruined
    assert len(odd.snapshots()) == count
    root = f"{odd.workspace}/"
    new = {name.removeprefix(root) for name in found["new"]}
    changed = {name.removeprefix(root) for name in found["changed"]}
    deleted = {name.removeprefix(root) for name in found["deleted"]}
    deep = {"dist/deep/file", "closed/file", "node_modules/deep/file"}
    assert new == {*deep, "dist/third name"}
    assert {"plain", "private", "script", "build/deep/file", "node_modules"} <= changed
    assert deleted == {"extra/deep/file", r"extra\xfe", "script/was/a/file"}


def test_without_a_terminal_nothing_changes_unasked(odd: RestoreBox) -> None:
    ruin(odd)
    ruined = describe(odd.workspace)
    said = odd.restore(code=2).stderr
    assert said.count("\n") == 1
    assert "--yes" in said
    assert describe(odd.workspace) == ruined


def test_a_new_place_gets_all_of_it(odd: RestoreBox) -> None:
    before = describe(odd.workspace)
    place = odd.home / "there"
    odd.restore("--to", str(place))
    assert describe(place / odd.workspace.relative_to("/")) == before
    odd.restore("--to", str(odd.home / "alone"), "--path", ".")
    assert describe(odd.home / "alone") == before
    assert {path.name for path in odd.home.iterdir()} >= {"there", "alone"}
    assert not [path for path in odd.home.iterdir() if "partial" in path.name]


def test_a_new_place_must_be_new(box: RestoreBox) -> None:
    box.write("file", "text")
    box.backup("create")
    (box.home / "there").mkdir()
    os.chown(box.home / "there", MINE, MINE)
    box.restore("--to", str(box.home / "there"), "--path", ".")
    assert (box.home / "there/file").read_text() == "text"
    assert "not empty" in box.restore("--to", str(box.home / "there"), code=2).stderr
    (box.home / "link").symlink_to("there")
    assert "link" in box.restore("--to", str(box.home / "link"), code=2).stderr


def test_one_file_with_an_odd_name_comes_back_alone(odd: RestoreBox) -> None:
    before = describe(odd.workspace)
    odd.write("dist/deep/file", "not to be touched")
    for name in ("star*[x]?", "back\\slash", "!bang", "\udcff\udcfe", "new\nline"):
        (odd.workspace / name).unlink()
        odd.restore("--yes", "--path", name)
        assert describe(odd.workspace)[name] == before[name]
    assert odd.read("dist/deep/file") == "not to be touched"
    odd.restore("--to", str(odd.home / "copy"), "--path", "\udcff\udcfe")
    assert (odd.home / "copy").read_bytes() == b"\xff\xfe"


def test_a_file_whose_folders_are_gone_or_links_comes_back(odd: RestoreBox) -> None:
    shutil.rmtree(odd.workspace / "dist")
    (odd.workspace / "dist").symlink_to(odd.home)
    os.lchown(odd.workspace / "dist", MINE, MINE)
    (odd.home / "deep").mkdir()
    os.chown(odd.home / "deep", MINE, MINE)
    odd.restore("--yes", "--path", "dist/deep/file")
    assert odd.read("dist/deep/file") == "dist"
    assert not (odd.workspace / "dist").is_symlink()
    assert list((odd.home / "deep").iterdir()) == []
    odd.backup("undo", "--yes")
    assert (odd.workspace / "dist").readlink() == odd.home


def test_undo_removes_what_was_not_there(odd: RestoreBox) -> None:
    shutil.rmtree(odd.workspace / "dist")
    odd.restore("--yes", "--path", "dist/deep/file")
    odd.backup("undo", "--yes")
    assert not (odd.workspace / "dist").exists()


def test_a_wrong_path_is_told_with_the_nearest(odd: RestoreBox) -> None:
    for words in ((), ("--to", str(odd.home / "there"))):
        said = odd.restore("--path", "dist/deep/fiel", *words, code=1).stderr
        assert f"did you mean {odd.workspace}/dist/deep/file?" in said
    assert not list(odd.home.glob("*there*"))


def test_what_lies_in_closed_folders_comes_back_alone(box: RestoreBox) -> None:
    box.write("outer/inner/file", "text")
    for name, mode in (("outer/inner", 0o500), ("outer", 0o500)):
        (box.workspace / name).chmod(mode)
    box.backup("create")
    for number, (path, name) in enumerate((("outer/inner", "file"), ("outer/inner/file", ""))):
        place = box.home / f"there{number}"
        said = box.restore("--to", str(place), "--path", path).stdout
        assert (place / name).read_text() == "text"
        assert f": {2 - number} files and folders, 4 B written" in said
    assert stat.S_IMODE((box.home / "there0").stat().st_mode) == 0o500


def test_what_no_backup_holds_stays(box: RestoreBox) -> None:
    """Caches, excluded files, and the home's secrets: no safety backup could bring them back."""
    box.variables["DEV8_BACKUP_EXCLUDE"] = "/data/*.bin"
    box.configure()
    box.write("file", "first")
    box.write("data/text", "first")
    box.backup("create")
    box.write("file", "second")
    box.write("cache/CACHEDIR.TAG", CACHE_TAG)
    box.write("cache/content", "hours of work")
    box.write("data/large.bin", "left out")
    box.write("new/data", "in the safety backup")
    found = json.loads(box.restore("--dry-run", "--json").stdout)["changes"]
    root = box.workspace
    assert found["deleted"] == [f"{root}/new/data"]
    box.restore("--yes")
    assert box.read("file") == "first"
    assert box.read("cache/content") == "hours of work"
    assert box.read("data/large.bin") == "left out"
    assert not (root / "new").exists()
    box.backup("undo", "--yes")
    assert box.read("new/data") == "in the safety backup"
    assert box.read("cache/CACHEDIR.TAG") == CACHE_TAG
    assert box.read("cache/content") == "hours of work"


def test_what_no_backup_holds_and_is_in_the_way_is_kept(box: RestoreBox) -> None:
    box.write("data/large.bin", "first")
    box.backup("create")
    box.variables["DEV8_BACKUP_EXCLUDE"] = "/data/*.bin"
    box.configure()
    box.write("data/large.bin", "second")
    said = box.restore("--yes").stdout
    assert box.read("data/large.bin") == "first"
    (kept,) = (box.workspace / "data").glob("large.bin.kept-*")
    assert kept.read_text() == "second"
    assert str(kept) in said
    assert json.loads(box.restore("--dry-run", "--json").stdout)["changes"]["deleted"] == []
    for words in (("undo",), ("restore",)):
        box.backup(*words, "--yes")
        assert kept.read_text() == "second", "it is nowhere else"


def test_hard_links_to_elsewhere_are_cut(box: RestoreBox) -> None:
    """Such as those of pnpm to its store."""
    path = box.write("file", "first")
    box.backup("create")
    path.unlink()
    store = box.home / "store"
    store.write_text("second")
    os.chown(store, MINE, MINE)
    os.link(store, path)
    box.restore("--yes")
    assert box.read("file") == "first"
    assert store.read_text() == "second"


def test_the_parent_of_the_workspace_is_not_touched(odd: RestoreBox) -> None:
    found = odd.folder.stat()
    ruin(odd)
    odd.restore("--yes")
    after = odd.folder.stat()
    assert (after.st_mode, after.st_mtime_ns) == (found.st_mode, found.st_mtime_ns)


def test_snapshots_are_found_by_id_and_time(box: RestoreBox) -> None:
    box.write("file", "first")
    box.backup("create")
    first = box.snapshots()[0]
    box.write("file", "second, longer")
    box.backup("create")
    box.restore(str(first["id"])[:6], "--yes")
    assert box.read("file") == "first"
    box.restore("2999-01-01", "--yes")
    assert box.read("file") == "second, longer"
    assert "cannot find a backup" in box.restore("2001-01-01", "--yes", code=1).stderr
    assert "neither an id nor a time" in box.restore("yesterday", "--yes", code=2).stderr


def test_an_interrupted_restore_says_how_to_go_on_and_undo_works(box: RestoreBox) -> None:
    for number in range(40):
        (box.workspace / f"big{number}").write_bytes(os.urandom(1 << 20))
        os.chown(box.workspace / f"big{number}", MINE, MINE)
    box.backup("create")
    for number in range(40):
        (box.workspace / f"big{number}").unlink()
    box.write("only now", "text")
    before = describe(box.workspace)
    process = subprocess.Popen(
        box.argv("backup", "restore", "--yes"), env=box.environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: any(box.workspace.glob("big*")), "the first files")  # in any order
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "`devcopilot backup undo` restores the previous state" in said
    assert len(list(box.workspace.iterdir())) < 41
    box.backup("undo", "--yes")
    assert describe(box.workspace) == before
    box.restore("--yes")
    assert len(list(box.workspace.iterdir())) == 40


def test_an_interrupted_restore_to_a_new_place_leaves_nothing(box: RestoreBox) -> None:
    box.fill(100)
    box.backup("create")
    place = box.home / "there"
    process = subprocess.Popen(
        box.argv("backup", "restore", "--to", str(place)), env=box.environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_until(lambda: list(box.home.glob(".there.partial-*/tree/*")), "the first files")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGINT
    assert not place.exists()
    assert not list(box.home.glob(".there*"))


def test_what_is_not_backed_up_any_more_is_kept_as_a_whole(box: RestoreBox) -> None:
    box.write("data/a/file", "first")
    box.write("data/b", "first")
    box.backup("create")
    box.variables["DEV8_BACKUP_EXCLUDE"] = "/data"
    box.configure()
    box.write("data/b", "second")
    box.restore("--yes")
    assert box.read("data/b") == "first"
    (kept,) = box.workspace.glob("data.kept-*")
    assert (kept / "b").read_text() == "second"
    assert (kept / "a/file").read_text() == "first"


def test_databases_in_use_come_back_whole(box: RestoreBox) -> None:
    """The copy that SQLite made is put in the place of the files that were open."""
    path = box.workspace / "data/app.db"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA wal_autocheckpoint=0")
        base.execute("CREATE TABLE t (n)")
        base.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(100)])
        base.commit()
        for item in (path.parent, *path.parent.iterdir()):
            os.chown(item, MINE, MINE)
        box.backup("create")
    base = sqlite3.connect(path)
    base.execute("DELETE FROM t")
    base.commit()
    base.close()
    places = [box.home / name for name in ("all", "folder", "file")]
    box.restore("--to", str(places[0]))
    box.restore("--to", str(places[1]), "--path", "data")
    box.restore("--to", str(places[2]), "--path", "data/app.db")
    box.restore("--yes")
    assert not list(places[0].rglob(".local"))
    for found in (places[0] / path.relative_to("/"), places[1] / "app.db", places[2], path):
        assert not found.with_name(found.name + "-wal").exists()
        with contextlib.closing(sqlite3.connect(f"file:{found}?immutable=1", uri=True)) as base:
            assert base.execute("SELECT count(*) FROM t").fetchone() == (100,)
    box.backup("undo", "--yes")
    with contextlib.closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_damaged_backup_gives_what_is_left(box: RestoreBox) -> None:
    box.write("whole", "small")
    (box.workspace / "large").write_bytes(os.urandom(1 << 20))
    os.chown(box.workspace / "large", MINE, MINE)
    box.backup("create")
    pack = max((box.folder / "backups").rglob("data/*/*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(1 << 19)
        file.write(b"damage")
    said = box.restore("--to", str(box.home / "there"), "--path", ".", code=1)
    assert "large" in said.stderr
    assert not (box.home / "there").exists()
    assert (box.home / "there.incomplete/whole").read_text() == "small"


@pytest.mark.parametrize(("answer", "text"), [("y", "first"), ("n", "second"), ("", "second")])
def test_a_terminal_is_asked(box: RestoreBox, answer: str, text: str) -> None:
    box.write("file", "first")
    box.backup("create")
    box.write("file", "second")
    ours, theirs = os.openpty()
    process = subprocess.Popen(box.argv("backup", "restore"), env=box.environ,
                               stdin=theirs, stdout=theirs, stderr=theirs)  # fmt: skip
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1 << 16)
    assert b"1 changed" in said
    os.write(ours, answer.encode() + b"\n")
    with contextlib.suppress(OSError):  # it has closed its side
        while os.read(ours, 1 << 16):
            pass
    os.close(ours)
    assert process.wait(timeout=120) == (0 if answer == "y" else 1)
    assert box.read("file") == text


def test_a_workspace_that_is_a_mount_point_is_restored(box: RestoreBox) -> None:
    """With its root's mode and time; all in a namespace of its own."""
    need(os.getuid() == 0 and shutil.which("unshare"), "needs root and unshare")
    user = shlex.join(box.argv())
    script = f"""
        set -e
        mount -t tmpfs -o uid={MINE},gid={MINE},mode=2750 tiny {box.workspace} || exit 77
        cd {box.workspace}
        echo first >file; mkdir folder; echo first >folder/file; chown -R {MINE} . ; chmod 444 file
        touch -d 2020-01-01 .
        {user} backup create
        echo second >file; rm -r folder; echo extra >extra; chmod 700 .
        chown {MINE} extra
        {user} backup restore --yes
        stat -c '%a %Y' . ; cat file folder/file; ls
    """
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script], env=box.environ,
                          check=False, capture_output=True, text=True, timeout=120)  # fmt: skip
    need(done.returncode != 77, "may not mount here")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[-5:] == ["2750 1577836800", "first", "first", "file", "folder"]


# --- archives of the original -------------------------------------------------------------------


def pack(box: RestoreBox, *words: str) -> Path:
    """Make an archive as backup.sh did."""
    path = box.home / "workspace-20251101-120000.tar.gz"
    subprocess.run(["tar", "-czf", path, *words], check=True, timeout=120)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("layout", ["dot", "named"])
def test_an_archive_is_merged_and_undone(box: RestoreBox, layout: str) -> None:
    """Also one of a workspace that had another folder."""
    old = box.home / "old-name"
    (old / "src").mkdir(parents=True)
    (old / "src/file").write_text("from the archive")
    (old / "src/python").symlink_to("/usr/bin/python3")
    words = ("-C", str(old), ".") if layout == "dot" else ("-C", str(box.home), "old-name")
    archive = pack(box, *words)
    box.write("src/file", "newer")
    box.write("mine", "stays")
    before = describe(box.workspace)
    box.restore(str(archive), "--yes")
    assert box.read("src/file") == "from the archive"
    assert (box.workspace / "src/python").is_symlink()
    assert box.read("mine") == "stays"
    assert sorted(path.name for path in box.workspace.iterdir()) == ["mine", "src"]
    box.backup("undo", "--yes")
    assert describe(box.workspace) == before


def test_without_a_target_replaced_files_are_kept(box: RestoreBox) -> None:
    box.write("file", "newer")
    subprocess.run(["tar", "-czf", box.home / "workspace-1.tar.gz", "-C", box.workspace, "."],
                   check=True, timeout=120)  # fmt: skip
    box.write("file", "newest")
    box.variables["BACKUP_DIR"] = ""
    box.configure()
    said = box.restore(str(box.home / "workspace-1.tar.gz"), "--yes").stdout
    (kept,) = box.workspace.glob(".replaced-*")
    assert (kept / "file").read_text() == "newest"
    assert box.read("file") == "newer"
    assert str(kept) in said


def test_a_truncated_archive_is_refused_before_any_change(box: RestoreBox) -> None:
    (box.home / "old").mkdir()
    for number in range(50):
        (box.home / f"old/{number}").write_bytes(os.urandom(1 << 12))
    archive = pack(box, "-C", str(box.home), "old")
    whole = archive.read_bytes()
    box.write("file", "text")
    before = describe(box.workspace)
    for size in (0, 10, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        archive.write_bytes(whole[:size])
        said = box.restore(str(archive), "--yes", code=1).stderr
        assert "truncated" in said
        assert said.count("\n") == 1
    assert describe(box.workspace) == before
    assert "truncated" in box.restore(str(archive), "--to", str(box.home / "x"), code=1).stderr
    assert not (box.home / "x").exists()


def test_an_archive_goes_to_a_new_place(box: RestoreBox) -> None:
    (box.home / "old").mkdir(mode=0o755)
    (box.home / "old/file").write_text("text")
    archive = pack(box, "-C", str(box.home), "old")
    box.restore(str(archive), "--to", str(box.home / "new"))
    assert (box.home / "new/file").read_text() == "text"


def test_an_evil_archive_is_refused(box: RestoreBox) -> None:
    box.write("file", "text")
    before = describe(box.workspace)
    evil = tarfile.TarInfo("../evil")
    with tarfile.open(box.home / "workspace-2.tar.gz", "w:gz") as tar:
        tar.addfile(evil)
    assert "points outside" in box.restore(
        str(box.home / "workspace-2.tar.gz"), "--yes", code=1).stderr  # fmt: skip
    assert describe(box.workspace) == before


def test_an_archive_that_is_one_link_moves_nothing_of_the_home(box: RestoreBox) -> None:
    (box.home / "token").write_text("secret")
    (box.home / "old").symlink_to(box.home)
    archive = pack(box, "-C", str(box.home), "old")
    box.restore(str(archive), "--yes")
    assert (box.home / "token").exists()
    assert [path.name for path in box.workspace.iterdir()] == ["old"]
    assert (box.workspace / "old").is_symlink()


@pytest.mark.parametrize("top", ["old", "."])
@pytest.mark.parametrize("mode", [0o777, 0o000])
def test_a_workspace_keeps_its_mode_whatever_an_archive_says(
    box: RestoreBox, mode: int, top: str
) -> None:
    old = tarfile.TarInfo(f"{top}/")
    old.type, old.mode = tarfile.DIRTYPE, mode
    with tarfile.open(box.home / "workspace-2.tar.gz", "w:gz") as tar:
        tar.addfile(old)
        tar.addfile(tarfile.TarInfo(f"{top}/file"))
    box.restore(str(box.home / "workspace-2.tar.gz"), "--yes")
    assert box.workspace.stat().st_mode & 0o7777 == 0o700
    assert box.read("file") == ""
    box.restore(str(box.home / "workspace-2.tar.gz"), "--to", str(box.home / "new"))
    assert (box.home / "new").stat().st_mode & 0o7777 == 0o700 | (mode & 0o055)


def test_folders_that_their_owner_may_not_enter_come_out_of_an_archive(box: RestoreBox) -> None:
    """In any order, and named again and again."""
    with tarfile.open(box.home / "workspace-2.tar.gz", "w:gz") as tar:
        for name in ("x/a/b/file", "x/a/b/", "x/a/", "x/a/b/more", "x/a/", "x/"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.mode = 0 if name.endswith("/") else 0o644
            tar.addfile(info)
    box.restore(str(box.home / "workspace-2.tar.gz"), "--yes")
    found = {str(path.relative_to(box.workspace)) for path in box.workspace.rglob("*")}
    assert found == {"a", "a/b", "a/b/file", "a/b/more"}
    assert [(box.workspace / name).stat().st_mode & 0o777 for name in ("a", "a/b")] == [0, 0]


def test_a_share_that_refuses_modes_takes_backups_and_archives(box: RestoreBox) -> None:
    """One owner, which is root, and one mode for all: as CIFS mounts it without uid=."""
    with fixed_share(box.folder, 0, refuses=True) as share:
        box.variables["WORKSPACE_DIR"] = str(share)
        box.configure()
        with contextlib.closing(sqlite3.connect(share / "app.db")) as base:
            base.execute("CREATE TABLE t (n)")
            base.commit()
            (share / "sub").mkdir()
            (share / "sub/file").write_text("first")
            box.backup("create")
        archive = pack(box, "-C", str(share), "sub")
        for words in (("latest",), (str(archive),)):
            shutil.rmtree(share / "sub")
            box.restore(*words, "--yes")
            assert next(share.rglob("file")).read_text() == "first"
        (share / "app.db").unlink()
        box.restore("latest", "--yes")
        assert (share / "app.db").read_bytes().startswith(b"SQLite format 3")
        said = box.restore(str(archive), "--to", str(share / "new")).stderr
        assert said.count("\n") == 1
        assert "modes and times of 2 files" in said


def test_a_destination_that_is_not_mounted_is_not_called_new(box: RestoreBox) -> None:
    """Its backups are not gone, and `create` makes no other repository there."""
    (box.folder / "backups").mkdir(exist_ok=True)
    box.write("file", "first")
    assert "no backups yet" in box.backup("list")
    box.backup("create")
    (box.folder / "backups/workspace").rename(box.folder / "away")
    for words in (["list"], ["restore", "--yes"], ["restore", "--to", str(box.home / "new")]):
        told = box.run("backup", *words, code=1)
        assert "check that its volume is mounted" in told.stderr
        assert "no backups yet" not in told.stdout


def make_roots(*paths: Path) -> None:
    """Have root write to these files, as with `docker exec -u root`."""
    for path in paths:
        path.unlink()
        path.write_text("root's")
        path.chmod(0o644)


def test_a_file_that_root_wrote_anew_comes_back(box: RestoreBox) -> None:
    need(os.getuid() == 0, "needs root")
    path = box.write("file", "first")
    box.backup("create")
    make_roots(path)
    box.restore("--yes")
    assert (path.read_text(), path.stat().st_uid) == ("first", MINE)
    box.backup("undo", "--yes")
    assert path.read_text() == "root's"


def test_what_cannot_be_restored_is_named_by_its_whole_path(box: RestoreBox) -> None:
    need(os.getuid() == 0, "needs root")
    path = box.write("folder/file", "first")
    box.backup("create")
    make_roots(path)
    os.chown(path.parent, 0, 0)
    told = box.restore("--yes", code=1).stderr
    names = [line.split(": ")[2] for line in told.splitlines() if "not restored: " in line]
    assert {*names} == {str(path)}
    assert path.read_text() == "root's"


def test_a_workspace_of_somebody_else_comes_back(box: RestoreBox) -> None:
    """As an emptyDir of Kubernetes: it is root's and 0777, and a database lies at its top."""
    need(os.getuid() == 0, "needs root")
    os.chown(box.workspace, 0, 0)
    box.workspace.chmod(0o777)
    box.write("sub/file", "first")
    os.chown(box.workspace, 0, 0)
    path = box.workspace / "app.db"
    with contextlib.closing(sqlite3.connect(path)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("CREATE TABLE t (n)")
        base.commit()
        for item in box.workspace.glob("app.db*"):
            os.chown(item, MINE, MINE)
        box.backup("create")
    box.write("sub/file", "second, longer")
    os.chown(box.workspace, 0, 0)
    path.unlink()
    path.touch()
    os.chown(path, MINE, MINE)
    box.restore("--yes")
    assert box.read("sub/file") == "first"
    with contextlib.closing(sqlite3.connect(path)) as base:
        assert base.execute("SELECT count(*) FROM t").fetchone() == (0,)
    box.backup("undo", "--yes")
    assert box.read("sub/file") == "second, longer"
    archive = pack(box, "-C", str(box.workspace), ".")
    box.restore(str(archive), "--yes")
    assert box.workspace.stat().st_mode & 0o7777 == 0o777
