"""A folder with all that is hard to keep, and what is to be the same after a restore."""

import os
import stat
from pathlib import Path

from tests.worlds import trees
from tests.worlds.trees import make_odd_tree

__all__ = ["describe", "make_odd_tree", "own"]


def own(root: Path, uid: int) -> None:
    """Give all of it to a user, with a mode of its own for the root."""
    trees.own(root, uid)
    root.chmod(0o2750)


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
