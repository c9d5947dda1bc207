"""Archives of the original: only what is whole and harmless is unpacked."""

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backup import archive
from agent.errors import AgentError


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


DIR, SYM, LNK = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ([member("/etc/passwd")], "leads out"),
        ([member("a/../../b")], "leads out"),
        ([member("a", SYM, "/etc"), member("a/passwd")], "below a file or a link"),
        ([member("a"), member("a/b")], "below a file or a link"),
        ([member("a", SYM, "/etc/passwd"), member("a")], "twice"),
        ([member("a", SYM, "b"), member("a", DIR)], "twice"),
        ([member("a", LNK, "/etc/passwd")], "leads out"),
        ([member("a", LNK, "../x")], "leads out"),
        ([member("a", LNK, "b")], "not in it"),
        ([member("s", SYM, "/etc/passwd"), member("a", LNK, "s")], "not in it"),
        ([member("a", tarfile.CHRTYPE)], "device"),
        ([member("a", tarfile.BLKTYPE)], "device"),
        ([member("a", tarfile.FIFOTYPE)], "device"),
    ],
)
def test_evil_members_are_refused(
    tmp_path: Path, members: list[tarfile.TarInfo], cause: str
) -> None:
    path = pack(tmp_path, *members)
    for folder in (None, tmp_path / "to"):
        with pytest.raises(AgentError, match=cause):
            archive.unpack(path, folder)


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
    ],
)
def test_both_layouts_are_understood(
    tmp_path: Path, members: list[tarfile.TarInfo], top: str
) -> None:
    assert archive.unpack(pack(tmp_path, *members), None).top == top


def test_honest_links_and_modes_are_kept(tmp_path: Path) -> None:
    closed = member("w/closed", DIR)
    closed.mode, closed.mtime = 0o555, 1_500_000_000
    path = pack(tmp_path, closed, member("w/closed/a"), member("w/b", LNK, "w/closed/a"),
                member("w/python", SYM, "/usr/bin/python3"))  # fmt: skip
    archive.unpack(path, tmp_path / "to")
    tree = tmp_path / "to/w"
    assert (tree / "closed/a").stat().st_ino == (tree / "b").stat().st_ino
    assert (tree / "python").is_symlink()
    found = (tree / "closed").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o555, 1_500_000_000)


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
    with pytest.raises(AgentError, match="damaged or ends early"):
        archive.unpack(path, tmp_path / "to")


def test_merging_keeps_what_is_replaced_and_what_is_more(tmp_path: Path) -> None:
    tree, target, replaced = (tmp_path / name for name in ("tree", "target", "replaced"))
    for name in ("tree/sub/file", "tree/new", "tree/was", "target/sub/file", "target/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (target / "was/a").mkdir(parents=True)
    (target / "link").symlink_to(tmp_path)
    (tree / "link").mkdir()
    (tree / "link/x").touch()
    tree.chmod(0o750)
    merged = archive.merge(tree, target, replaced, ".kept")
    assert (target / "sub/file").read_text() == "tree/sub/file"
    assert (replaced / "sub/file").read_text() == "target/sub/file"
    assert (target / "mine").exists()
    assert (target / "was").read_text() == "tree/was"
    assert (target / "was.kept/a").is_dir()
    assert not (target / "link").is_symlink()
    assert not (tmp_path / "x").exists()
    assert (merged.replaced, merged.kept) == (2, [target / "was.kept"])
    assert target.stat().st_mode & 0o777 == 0o750
