"""The trees that backups are tried on, and whether their judge sees what it must."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worlds.backup_servers import find_program
from tests.worlds.trees import (
    ODD_NAMES,
    SOCKET,
    change_workspace,
    compare,
    find_lost,
    make_odd_tree,
    make_workspace,
)

FILES, SIZE = 1500, 30_000_000


@pytest.fixture(autouse=True)
def judge() -> None:
    find_program("rsync")


def count(folder: Path) -> tuple[int, int]:
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def copy(one: Path, other: Path) -> Path:
    subprocess.run(["cp", "--archive", one, other], check=True)
    return other


def test_a_workspace_is_as_big_as_asked_and_always_the_same(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_workspace(tmp_path / name, FILES, SIZE)
    files, size = count(tmp_path / "one")
    assert (abs(files / FILES - 1) < 0.02, abs(size / SIZE - 1) < 0.05) == (True, True), files
    # Nothing but times differs, and git's index, which holds some.
    lines = [line for line in compare(tmp_path / "one", tmp_path / "other") if line[2] != "."]
    assert [line.split()[1] for line in lines] in ([], [".git/index"])
    git = ["git", "-C", str(tmp_path / "one")]
    subprocess.run([*git, "fsck", "--strict"], check=True, capture_output=True)


def test_a_change_is_as_small_as_asked(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    make_workspace(tmp_path / "one", FILES, SIZE)
    before = copy(tmp_path / "one", tmp_path / "before")
    touched = change_workspace(tmp_path / "one", 0.01)
    assert 10 <= touched <= 16
    lines = compare(tmp_path / "one", before)
    assert len([line for line in lines if line.startswith(">f") and "+" not in line]) >= touched - 2
    assert any("*deleting" in line for line in lines)
    assert abs(count(tmp_path / "one")[1] / SIZE - 1) < 0.05


def test_an_odd_tree_has_everything(tmp_path: Path) -> None:
    make_odd_tree(tmp_path)
    assert {os.fsencode(path.name) for path in tmp_path.iterdir()} >= set(ODD_NAMES)
    assert (tmp_path / "sparse").stat().st_blocks * 512 < 1_000_000
    assert (tmp_path / "plain").stat().st_nlink == 3
    assert (tmp_path / SOCKET).is_socket()
    assert len({path.lstat().st_mtime_ns for path in tmp_path.iterdir()}) > 10
    acls = subprocess.run([find_program("getfacl"), tmp_path / "plain"], stdout=-1, check=True)
    assert b"user:1234:rw" in acls.stdout


def _bind(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "another"))


def _rewrite(folder: Path) -> None:
    """Other content of the same size and time."""
    path = folder / ".hidden"
    info = path.stat()
    path.write_bytes(b"x" * info.st_size)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], None]] = {
    "content": _rewrite,
    "mode": lambda folder: (folder / ".hidden").chmod(0o601),
    "time": lambda folder: os.utime(folder / ".hidden", (1, 1)),
    "nanosecond of a folder": lambda folder: os.utime(folder / "dist", ns=(1, 1)),
    "xattr": lambda folder: os.setxattr(folder / "plain", "user.note", b"other"),
    "xattr gone": lambda folder: os.removexattr(folder / "dist", "user.note"),
    "file gone": lambda folder: (folder / "second name").unlink(),
    "file more": lambda folder: (folder / "more").touch(),
    "empty folder gone": lambda folder: (folder / "empty").rmdir(),
    "pipe gone": lambda folder: (folder / "pipe").unlink(),
    "mode of a folder": lambda folder: (folder / "modes/folder 2775").chmod(0o775),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_judge_sees_a_change(tmp_path: Path, name: str) -> None:
    (tmp_path / "one").mkdir()
    make_odd_tree(tmp_path / "one")
    other = copy(tmp_path / "one", tmp_path / "other")
    assert compare(tmp_path / "one", other) == []
    CHANGES[name](other)
    assert find_lost(tmp_path / "one", other), name


def test_the_judge_sees_hard_links_links_and_acls(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    make_odd_tree(tmp_path / "one")
    other = copy(tmp_path / "one", tmp_path / "other")
    (other / "second name").unlink()
    subprocess.run(["cp", "-a", tmp_path / "one/second name", other], check=True)
    (other / "dangling").unlink()
    (other / "dangling").symlink_to("/somewhere/else")
    subprocess.run(["setfacl", "-b", other / "build"], check=True)
    lines = compare(tmp_path / "one", other)
    assert {line.split()[1] for line in lines} >= {"second", "dangling", "build/"}, lines


def test_restic_loses_the_socket_alone(tmp_path: Path) -> None:
    """With what only root can read, if we are root."""
    folder, restored = tmp_path / "tree", tmp_path / "restored"
    folder.mkdir()
    make_odd_tree(folder, unreadable=os.getuid() == 0)
    restic = [find_program("restic"), "--no-cache", "--quiet", "--repo", str(tmp_path / "r")]
    environ = {**os.environ, "RESTIC_PASSWORD": "x"}
    restore = ["restore", f"latest:{tmp_path}", "--target", str(restored), "--sparse"]
    for words in (["init"], ["backup", str(folder)], restore):
        done = subprocess.run(
            [*restic, *words], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
    assert find_lost(folder, restored / "tree") == []
    assert len(compare(folder, restored / "tree")) == 1
    assert (restored / "tree/sparse").stat().st_blocks * 512 < 1_000_000
