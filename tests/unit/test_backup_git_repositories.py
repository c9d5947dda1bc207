"""What names objects in a repository of git: copied at one moment, put in place as it was."""

import os
from pathlib import Path

import pytest

from agent.backup.create import databases, git_repositories
from agent.backup.restore.consistent_copies import put_in_place
from tests.unit.test_backup_databases import judge, make

REFS = {
    "HEAD": "ref: refs/heads/main\n",
    "refs/heads/main": "1" * 40,
    "refs/heads/feature/one": "2" * 40,
    "packed-refs": "# pack-refs\n",
    "logs/refs/heads/main": "a line\n",
    "worktrees/other/HEAD": "3" * 40,
    "worktrees/other/index": "DIRC",
    "worktrees/other/logs/HEAD": "a line\n",
    "worktrees/other/gitdir": "/elsewhere/.git\n",
}


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    (folder / "objects").mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return fill(tmp_path / "root/work/.git", REFS)


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    (tmp_path / "staging").mkdir()
    return tmp_path / "staging"


def describe(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns)
            for path in (folder, *folder.rglob("*"))}  # fmt: skip


def take(repository: Path, staging: Path) -> Path:
    """Copy it, as if the root were the test's."""
    place = staging / "work/.git" / git_repositories.NAME
    assert git_repositories.copy_all({repository: place}) == []
    return place


def test_what_was_put_aside_comes_back(repository: Path, staging: Path, tmp_path: Path) -> None:
    take(repository, staging)
    fill(repository, {
        "HEAD": "ref: refs/heads/new\n", "refs/heads/main": "4" * 40, "refs/heads/new": "5" * 40,
        "refs/heads/main.lock": "", "index.lock": "", "worktrees/other/HEAD": "6" * 40,
        "packed-refs": "# other\n", "worktrees/new/HEAD": "7" * 40,
        "logs/refs/heads/main": "a line\nand one of later\n",
    })  # fmt: skip
    (repository / "refs/heads/feature/one").unlink()
    (repository / "refs/heads/feature").rmdir()
    (repository / "refs/heads/feature").touch()
    assert put_in_place(staging, tmp_path / "root").failures == ()
    found = {str(path.relative_to(repository)): path.read_text()
             for path in repository.rglob("*") if path.is_file()}  # fmt: skip
    assert found == REFS


def test_what_is_so_already_is_not_touched(repository: Path, staging: Path, tmp_path: Path) -> None:
    (repository / "refs/heads/feature/empty").mkdir()
    take(repository, staging)
    before = describe(repository)
    assert put_in_place(staging, tmp_path / "root").failures == ()
    assert describe(repository) == before


def test_the_same_is_the_same_archive(repository: Path, staging: Path) -> None:
    place = take(repository, staging)
    before = place.stat()
    os.utime(repository / "HEAD", (1, 1))
    take(repository, staging)
    after = place.stat()  # but for the time of the last look
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in place.parent.iterdir()] == [git_repositories.NAME]
    (repository / "refs/heads/main").write_text("8" * 40)
    take(repository, staging)
    assert place.stat().st_ino != before.st_ino


@pytest.mark.parametrize(
    "names", [[], ["x.db"], [git_repositories.NAME], [f"{git_repositories.NAME}/deep/er.db"],
              [git_repositories.NAME, f"1-{git_repositories.NAME}/x.db"]],
)  # fmt: skip
def test_a_database_of_the_same_name_has_a_place_beside_the_archive(
    tmp_path: Path, names: list[str]
) -> None:
    root, staging = tmp_path / "root", tmp_path / "state/copies"
    bare, plain = fill(root / "bare.git", REFS), root / "work" / git_repositories.NAME
    bases = [*(bare / name for name in names), plain]
    for base in bases:
        base.parent.mkdir(parents=True, exist_ok=True)
        make(base)
    places = git_repositories.find_places([bare], staging, bases)
    done = databases.copy_all(bases, staging, seconds=60, each=60, others=places.values())
    assert done.failures == ()
    assert git_repositories.copy_all(places) == []
    for base in bases:
        base.write_bytes(b"torn")
    (bare / "refs/heads/main").write_text("9" * 40)
    assert put_in_place(staging, Path("/")).failures == ()
    assert [judge(base) for base in bases] == [3] * len(bases)
    assert (bare / "refs/heads/main").read_text() == REFS["refs/heads/main"]
    assert not any(databases.find_copies(staging)), "all of them are put in place"


def test_a_lock_that_was_left_behind_stays(repository: Path, staging: Path, tmp_path: Path) -> None:
    fill(repository, {"index.lock": ""})
    os.utime(repository / "index.lock", (1, 1))
    take(repository, staging)
    assert put_in_place(staging, tmp_path / "root").failures == ()
    assert (repository / "index.lock").exists()


def test_tables_are_copied_with_the_list_that_names_them(repository: Path) -> None:
    tables = {"reftable/1.ref": "one", "reftable/2.ref": "two"}
    fill(repository, {**tables, "reftable/tables.list": "1.ref\n2.ref\n"})
    assert set(tables) < set(git_repositories.read(repository))
    (repository / "reftable/2.ref").unlink()
    with pytest.raises(OSError, match="keep changing"):
        git_repositories.read(repository)


def test_no_link_leads_out_of_a_repository(repository: Path, staging: Path, tmp_path: Path) -> None:
    take(repository, staging)
    outside = fill(tmp_path / "outside", {"heads/kept": "x"})
    (repository / "refs").rename(tmp_path / "away")
    (repository / "refs").symlink_to(outside)
    (failure,) = put_in_place(staging, tmp_path / "root").failures
    assert failure.cause == "a link is on the way to it"
    assert [path.name for path in (outside / "heads").iterdir()] == ["kept"]


def test_what_is_read_is_no_pipe(repository: Path, staging: Path) -> None:
    os.mkfifo(repository / "refs/heads/pipe")
    assert "refs/heads/pipe" not in git_repositories.read(repository)


def test_one_that_was_not_restored_is_passed_over(
    repository: Path, staging: Path, tmp_path: Path
) -> None:
    take(repository, staging)
    assert put_in_place(staging, tmp_path / "empty").failures == ()


def test_what_cannot_be_read_is_told(
    repository: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(git_repositories, "read", refuse)
    (text,) = git_repositories.copy_all({repository: staging / git_repositories.NAME})
    assert text == f"{repository}: no consistent copy of its branches: Permission denied"


# --- what git needs from elsewhere ---


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("/mirror/objects\n", ["/mirror/objects"]),
        ("../../mirror/objects\n# a comment\n\n/b", ["/root/mirror/objects", "/b"]),
        ('"/quoted\\n"\n', []),
        ("", []),
    ],
)
def test_the_folders_that_lend_objects_are_known(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    fill(tmp_path / "root/work", {"objects/info/alternates": content})
    found = [str(path) for path in git_repositories.find_lenders(tmp_path / "root/work")]
    assert [name.removeprefix(str(tmp_path)) for name in found] == expected
    assert [*git_repositories.find_lenders(tmp_path / "none")] == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [("gitdir: /r/.git/worktrees/a b\n", "/r/.git/worktrees/a b"), ("gitdir: ../x", "/x"),
     ("something else", None)],
)  # fmt: skip
def test_where_the_repository_of_a_worktree_is_is_known(
    tmp_path: Path, content: str, expected: str | None
) -> None:
    fill(tmp_path / "tree", {".git": content})
    found = git_repositories.find_home(tmp_path / "tree/.git")
    assert (str(found).removeprefix(str(tmp_path)) if found else None) == expected
    assert git_repositories.find_home(tmp_path / "none") is None
    os.mkfifo(tmp_path / "pipe")
    assert git_repositories.find_home(tmp_path / "pipe") is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [("ref: refs/heads/main\n", True), ("1" * 40, True), ("", True), ("chapter 1", False)],
)
def test_a_folder_with_the_names_of_one_is_no_repository(
    tmp_path: Path, head: str, expected: bool
) -> None:
    assert git_repositories.is_repository(fill(tmp_path, {"HEAD": head})) is expected
