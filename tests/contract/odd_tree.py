"""A folder with all that is hard to keep, and what is to be the same after a restore."""

import os
import socket
import stat
from pathlib import Path

OLD = 1_577_836_800_123_456_789
"""A time in 2020, in nanoseconds."""
NAMES = (
    b"plain", b".env", b"with space", b"quote'\"", b"star*[x]?", b"back\\slash", b"!bang", b"-dash",
    b"new\nline", b"\xff\xfe", "ümläut".encode(), b"$HOME", b"#hash",
)  # fmt: skip


def make_odd_tree(root: Path) -> None:
    """Fill an empty folder; all but the owner, which `own` gives."""
    for raw in NAMES:
        (root / os.fsdecode(raw)).write_bytes(raw)
    for name in ("dist", "build", "target", ".git", "node_modules"):
        (root / name / "deep").mkdir(parents=True)
        (root / name / "deep/file").write_text(name)
    (root / "empty").mkdir()
    (root / os.fsdecode(b"folder\xff*") / "in").mkdir(parents=True)
    (root / os.fsdecode(b"folder\xff*") / "in" / "file").write_text("in an odd folder")
    (root / "script").write_text("#!/bin/sh\n")
    (root / "script").chmod(0o755)
    (root / "private").write_text("private")
    (root / "private").chmod(0o400)
    os.setxattr(root / "plain", "user.note", b"kept")
    os.link(root / "plain", root / "second name")
    (root / "link").symlink_to("plain")
    (root / "dangling").symlink_to("/nowhere/at/all")
    (root / "link to odd").symlink_to(os.fsdecode(b"\xff-target"))
    os.mkfifo(root / "pipe")
    with (root / "sparse").open("wb") as file:
        file.truncate(1 << 24)
        file.seek(1 << 23)
        file.write(b"middle")
    (root / "closed").mkdir()
    (root / "closed/file").write_text("in a read-only folder")
    (root / "closed").chmod(0o555)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))


def own(root: Path, uid: int) -> None:
    """Give all of it to a user, with old times and a mode of its own for the root."""
    paths = [root, *root.rglob("*")]
    for path in paths:
        os.lchown(path, uid, uid)
    root.chmod(0o2750)
    for path in reversed(paths):
        os.utime(path, ns=(OLD, OLD), follow_symlinks=False)


def describe(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what must be the same, for each path; sockets are lost, and may be."""
    first: dict[int, str] = {}
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([root, *root.rglob("*")]):
        info = path.lstat()
        kind, name = stat.S_IFMT(info.st_mode), str(path.relative_to(root))
        if kind == stat.S_IFSOCK:
            continue
        content: object = None
        if kind == stat.S_IFREG:
            content = hash(path.read_bytes()), info.st_blocks * 512 < info.st_size
        elif kind == stat.S_IFLNK:
            content = os.readlink(path)  # noqa: PTH115 - not only text
        peer = first.setdefault(info.st_ino, name)
        found[name] = (
            oct(info.st_mode), info.st_uid, info.st_mtime_ns, content, peer,
            [] if kind == stat.S_IFLNK else os.listxattr(path),
        )  # fmt: skip
    return found
