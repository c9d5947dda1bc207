"""Archives of the original: only what is whole and harmless is unpacked."""

import errno
import gzip
import io
import os
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.backup.restore import archive_extraction, merging
from agent.machine.errors import AgentError


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    info.size = 4 if kind == tarfile.REGTYPE else 0
    return info


def pack(folder: Path, *members: tarfile.TarInfo) -> Path:
    path = folder / "workspace-1.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for item in members:
            tar.addfile(item, io.BytesIO(b"text") if item.isreg() else None)
    return path


DIR, SYM, LNK, FIFO = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ([member("/etc/passwd")], "points outside"),
        ([member("a/../../b")], "points outside"),
        ([member("a", SYM, "/etc"), member("a/passwd")], "below a file or a link"),
        ([member("a"), member("a/b")], "below a file or a link"),
        ([member("a", SYM, "/etc/passwd"), member("a")], "twice"),
        ([member("a", SYM, "b"), member("a", DIR)], "twice"),
        ([member("a", LNK, "/etc/passwd")], "points outside"),
        ([member("a", LNK, "../x")], "points outside"),
        ([member("a", LNK, "b")], "not in it"),
        ([member("a", SYM, "")], "points nowhere"),
        ([member("a", tarfile.CHRTYPE)], "device"),
        ([member("a", tarfile.BLKTYPE)], "device"),
        ([member("a", FIFO), member("a/b")], "below a file or a link"),
        ([member("a", FIFO), member("a")], "twice"),
        ([member("a"), member("a", DIR)], "twice"),
        ([member("./", SYM, "/home/dev8")], "root is not a folder"),
        ([member("", SYM, "/home/dev8")], "root is not a folder"),
        ([member("."), member("./a")], "root is not a folder"),
        ([member("/".join("a" * 300))], "nested in 300 folders"),
    ],
)
def test_evil_members_are_refused(
    tmp_path: Path, members: list[tarfile.TarInfo], cause: str
) -> None:
    path = pack(tmp_path, *members)
    for folder in (None, tmp_path / "to"):
        with pytest.raises(AgentError, match=cause):
            archive_extraction.unpack(path, folder)


@pytest.mark.parametrize(
    ("members", "top"),
    [
        ([member("./", DIR), member("./a")], "."),
        ([member("./a"), member("./a2")], "."),
        ([member("workspace", DIR), member("workspace/a")], "workspace"),
        ([member("workspace/a")], "workspace"),
        ([member("other/a"), member("b")], "."),
        ([member("a")], "."),
        ([], "."),
        ([member("home", SYM, "/home/dev8")], "."),
        ([member("home", FIFO)], "."),
    ],
)
def test_both_layouts_are_understood(
    tmp_path: Path, members: list[tarfile.TarInfo], top: str
) -> None:
    assert archive_extraction.unpack(pack(tmp_path, *members), None).top == top


def test_honest_links_and_modes_are_kept(tmp_path: Path) -> None:
    closed = member("w/closed", DIR)
    closed.mode, closed.mtime = 0o555, 1_500_000_000
    path = pack(tmp_path, closed, member("w/closed/a"), member("w/b", LNK, "w/closed/a"),
                member("w/python", SYM, "/usr/bin/python3"))  # fmt: skip
    archive_extraction.unpack(path, tmp_path / "to")
    tree = tmp_path / "to/w"
    assert (tree / "closed/a").stat().st_ino == (tree / "b").stat().st_ino
    assert (tree / "python").is_symlink()
    found = (tree / "closed").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o555, 1_500_000_000)


def refuse(*_words: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_file_system_without_links_gets_copies_and_what_is_lost_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path, member("a"), member("b", LNK, "a"), member("in/c", LNK, "a"),
                member("in/link", SYM, "../a"))  # fmt: skip
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(os, "symlink", refuse)
    found = archive_extraction.unpack(path, tmp_path / "to")
    assert found.skipped == ["symbolic links (1): their file system has none"]
    assert [(tmp_path / "to" / name).read_text() for name in ("a", "b", "in/c")] == ["text"] * 3
    assert not os.path.lexists(tmp_path / "to/in/link")


def test_a_link_that_cannot_be_is_no_damage(tmp_path: Path) -> None:
    path = pack(tmp_path, member("a", SYM, "x" * 5000))
    with pytest.raises(AgentError, match="File name too long"):
        archive_extraction.unpack(path, tmp_path / "to")


def cut_gzip(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def cut_tar(path: Path) -> None:
    """As when tar was killed and gzip was not."""
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:1024]))


def cut_in_member(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:700]))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum
    path.write_bytes(bytes(content))


def replace(path: Path) -> None:
    path.write_bytes(b"no archive")


@pytest.mark.parametrize("damage", [cut_gzip, cut_tar, cut_in_member, flip, replace])
def test_damage_is_seen(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = pack(tmp_path, member("a"), member("b"))
    damage(path)
    with pytest.raises(AgentError, match="damaged or truncated"):
        archive_extraction.unpack(path, tmp_path / "to")


def test_merging_keeps_what_is_replaced_and_what_is_more(tmp_path: Path) -> None:
    tree, target, replaced = (tmp_path / name for name in ("tree", "target", "replaced"))
    for name in ("tree/sub/file", "tree/new", "tree/was", "target/sub/file", "target/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (target / "was/a").mkdir(parents=True)
    (target / "link").symlink_to(tmp_path)
    (tree / "link").mkdir()
    (tree / "link/x").touch()
    target.chmod(0o750)
    tree.chmod(0o777)
    merged = merging.merge(tree, target, lambda *_: replaced, ".kept")
    assert (target / "sub/file").read_text() == "tree/sub/file"
    assert (replaced / "sub/file").read_text() == "target/sub/file"
    assert (target / "mine").exists()
    assert (target / "was").read_text() == "tree/was"
    assert (target / "was.kept/a").is_dir()
    assert not (target / "link").is_symlink()
    assert not (tmp_path / "x").exists()
    assert (merged.replaced, merged.kept) == (2, [target / "was.kept"])
    assert target.stat().st_mode & 0o777 == 0o750


def test_a_pipe_is_left_out_and_named_and_a_link_to_a_link_is_one(tmp_path: Path) -> None:
    """GNU tar keeps a second name of a link as a hard link to it, and pipes as they are."""
    source = tmp_path / "workspace"
    source.mkdir()
    (source / "file").write_text("text")
    (source / "link").symlink_to("file")
    os.link(source / "link", source / "more", follow_symlinks=False)
    os.mkfifo(source / "pipe")
    os.link(source / "pipe", source / "second")
    path = tmp_path / "workspace-1.tar.gz"
    subprocess.run(["tar", "-C", tmp_path, "-czf", path, "workspace"], check=True)
    held = archive_extraction.unpack(path, tmp_path / "to")
    tree = tmp_path / "to/workspace"
    assert {item.name for item in tree.iterdir()} == {"file", "link", "more"}
    assert [str((tree / name).readlink()) for name in ("link", "more")] == ["file"] * 2
    names = sorted(text.partition(":")[0] for text in held.skipped)
    assert names == ["workspace/pipe", "workspace/second"]
    assert archive_extraction.unpack(path, None).skipped == held.skipped


@pytest.mark.parametrize("mode", [0o777, 0o000, 0o7755])
@pytest.mark.parametrize("top", ["./", "w"])
def test_a_top_folder_gives_nobody_more_and_the_owner_no_less(
    tmp_path: Path, top: str, mode: int
) -> None:
    first, inner, tool = member(top, DIR), member(f"{top}/d", DIR), member(f"{top}/tool")
    first.mode, inner.mode, tool.mode = mode, 0o2777, 0o6777
    path = pack(tmp_path, first, inner, tool)
    held = archive_extraction.unpack(path, tmp_path / "to")
    tree = tmp_path / "to" / held.top
    assert tree.stat().st_mode & 0o7777 == 0o700 | (mode & 0o055)
    assert (tree / "d").stat().st_mode & 0o7777 == 0o755
    assert (tree / "tool").stat().st_mode & 0o7777 == 0o755


def test_odd_times_and_names_are_no_internal_error(tmp_path: Path) -> None:
    late, folder = member("a"), member("d", DIR)
    late.pax_headers = {"mtime": "nan"}
    folder.pax_headers = {"mtime": "1e300"}
    archive_extraction.unpack(pack(tmp_path, late, folder), tmp_path / "to")
    assert (tmp_path / "to/a").stat().st_mtime == (tmp_path / "to/d").stat().st_mtime == 0
    for key in ("path", "linkpath"):
        odd = member("a", SYM, "b")
        odd.pax_headers = {key: "a\0b"}
        with pytest.raises(AgentError, match="cannot restore"):
            archive_extraction.unpack(pack(tmp_path, odd), tmp_path / key)


def test_what_there_is_no_room_for_is_not_begun(tmp_path: Path) -> None:
    """Neither for data nor for a header, however small it is before it is unpacked."""
    huge = member("a")
    huge.size = 2**60
    path = tmp_path / "workspace-1.tar.gz"
    path.write_bytes(gzip.compress(huge.tobuf()))
    with pytest.raises(AgentError, match="not enough"):
        archive_extraction.unpack(path, tmp_path / "to")
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**30
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(2 * archive_extraction.HEADERS >> 20):
            stream.write(bytes(1 << 20))
    with pytest.raises(AgentError, match="belong to no file"):
        archive_extraction.unpack(path, tmp_path / "other")


def test_a_tree_that_is_a_link_is_not_moved(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/token").touch()
    (tmp_path / "tree").symlink_to(tmp_path / "home")
    (tmp_path / "target").mkdir()
    with pytest.raises(OSError, match=r"Not a directory|Too many"):
        merging.merge(tmp_path / "tree", tmp_path / "target", lambda *_: tmp_path / "r", ".kept")
    assert (tmp_path / "home/token").exists()


def test_no_log_of_a_replaced_database_stays_beside_the_new_one(tmp_path: Path) -> None:
    """To that it is another's changes; and without it the replaced one lacks them."""
    tree, target, replaced = (tmp_path / name for name in ("tree", "target", "replaced"))
    for folder in (tree, target):
        folder.mkdir()
    for path, row in ((target / "app.db", "newer"), (tree / "app.db", "archived")):
        with closing(sqlite3.connect(path)) as base:
            base.execute("PRAGMA journal_mode=wal")
            base.execute("CREATE TABLE rows (text TEXT)")
            base.execute("INSERT INTO rows VALUES (?)", [row])
            base.commit()
            if path.parent == target:  # the last to close it would write the log into it
                left = {item.name: item.read_bytes() for item in target.iterdir()}
    for name, data in left.items():
        (target / name).write_bytes(data)
    merging.merge(tree, target, lambda *_: replaced, ".kept")
    assert {path.name for path in target.iterdir()} == {"app.db"}
    for place, row in ((target, "archived"), (replaced, "newer")):
        with closing(sqlite3.connect(place / "app.db")) as base:
            assert base.execute("SELECT text FROM rows").fetchall() == [(row,)]


def test_only_what_belongs_to_a_database_goes_with_it(tmp_path: Path) -> None:
    for name in ("tree/notes", "target/notes", "target/notes-journal"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    merging.merge(tmp_path / "tree", tmp_path / "target", lambda *_: tmp_path / "r", ".kept")
    assert (tmp_path / "target/notes-journal").exists(), "the archive lacks it"
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["notes"]


def test_closed_folders_are_merged_and_closed_again(tmp_path: Path) -> None:
    for name in ("tree/a/b", "target/a/c", "tree/n/x"):
        (tmp_path / name).mkdir(parents=True)
    for name, mode in (("tree/a", 0o555), ("target/a", 0o000), ("tree/n", 0o500)):
        (tmp_path / name).chmod(mode)
    (tmp_path / "target").chmod(0o500)
    merging.merge(tmp_path / "tree", tmp_path / "target", lambda *_: tmp_path / "r", ".kept")
    assert {item.name for item in (tmp_path / "target/a").iterdir()} == {"b", "c"}
    modes = [
        (tmp_path / name).stat().st_mode & 0o777 for name in ("target", "target/a", "target/n")
    ]
    assert modes == [0o500, 0o555, 0o500]


@pytest.mark.parametrize("case", ["pipe", "device", "folder"])
def test_what_is_no_file_is_no_archive(tmp_path: Path, case: str) -> None:
    """Whoever opens a pipe that nobody writes waits for ever."""
    path = tmp_path / "workspace.tar.gz"
    match case:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
    with pytest.raises(AgentError, match=r"a regular file|Is a directory"):
        archive_extraction.unpack(path, None)
