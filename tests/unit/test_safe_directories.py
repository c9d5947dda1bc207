"""Which repositories of the workspace the real git works with, and whose commands it runs."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.workspace import safe_directories
from tests.worlds.git_machine import GitMachine

ROOT, OURS, THEIRS, THIRD = 0, 65534, 1234, 4321


@pytest.fixture
def user() -> Iterator[GitMachine]:
    """A machine of an ordinary user's, which only root can make: git trusts root's folders less."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    with tempfile.TemporaryDirectory(prefix="git-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = GitMachine(folder)
        made.facts = replace(made.facts, uid=OURS)
        yield made


@pytest.fixture
def workspace(user: GitMachine) -> Path:
    """Its workspace, which everybody may write."""
    folder = user.facts.home.parent / "work space"
    folder.mkdir()
    folder.chmod(0o777)
    os.chown(folder, OURS, OURS)
    return folder


def mount(folder: Path, table: Path, owner: int) -> None:
    """Make a folder, and let the table say that something is mounted there."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    os.chown(folder, owner, owner)
    place = str(folder).replace(" ", "\\040")
    with table.open("a") as file:
        file.write(f"99 1 0:42 / {place} rw,relatime shared:1 - ext4 /dev/sda rw\n")


def make_repository(folder: Path, owner: int, repository: int) -> None:
    """Make one whose configuration runs a command, which leaves a mark."""
    ran = folder.parent / "ran"
    subprocess.run(["git", "init", "-q", folder], check=True)
    command = f"touch '{ran}'; false"
    config = folder / ".git/config"
    subprocess.run(["git", "config", "--file", config, "core.fsmonitor", command], check=True)
    os.chown(folder, owner, owner)
    for path in (folder / ".git", *(folder / ".git").rglob("*")):
        os.chown(path, repository, repository, follow_symlinks=False)


def works(user: GitMachine, folder: Path) -> bool:
    """Tell whether the user's git works there; it refuses it otherwise, and runs nothing."""
    folder.parent.chmod(0o777)  # for the mark
    done = subprocess.run(
        ["git", "-C", folder, "status"], env=user.facts.environ, user=OURS, group=OURS,
        extra_groups=[], check=False, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    answered = "No commits yet" in done.stdout
    assert ("dubious" in done.stderr) == (not answered)
    assert (folder.parent / "ran").exists() == answered
    return answered


@pytest.mark.parametrize(
    ("owner", "repository", "trusted"),
    [
        (OURS, OURS, True),
        (OURS, THEIRS, False),  # planted
        (OURS, ROOT, True),  # by docker exec --user 0
        (THEIRS, THEIRS, True),  # a mount of another uid's
        (THEIRS, OURS, True),  # any uid, in the folder of the image
        (ROOT, OURS, True),  # an empty folder of Kubernetes
        (THEIRS, THIRD, False),
        (ROOT, THIRD, False),
    ],
)
def test_the_workspace_itself(
    user: GitMachine, workspace: Path, owner: int, repository: int, trusted: bool
) -> None:
    make_repository(workspace, owner, repository)
    said = user.configure(WORKSPACE_DIR=str(workspace))
    assert works(user, workspace) == trusted
    assert [str(workspace) in problem for problem in said] == [True] * (not trusted)


@pytest.mark.parametrize("place", ["app", "github.com/octo/demo"])
@pytest.mark.parametrize(
    ("top", "owner", "repository", "trusted"),
    [
        (OURS, OURS, OURS, True),
        (OURS, ROOT, ROOT, True),
        (OURS, THEIRS, THEIRS, False),  # planted
        (OURS, OURS, THEIRS, False),
        (THEIRS, THEIRS, THEIRS, True),  # all of it came from outside
        (THEIRS, OURS, THEIRS, True),
        (THEIRS, THIRD, THIRD, False),
        (ROOT, THIRD, THIRD, False),
    ],
)
@pytest.mark.parametrize("is_mount", [False, True])
def test_below_the_workspace_or_a_mount_in_it(
    user: GitMachine,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_mount: bool,
    top: int,
    owner: int,
    repository: int,
    trusted: bool,
    place: str,
) -> None:
    table = user.facts.home.parent / "mountinfo"
    monkeypatch.setattr(safe_directories, "TABLE", table)
    root = workspace / "a mount" if is_mount else workspace
    mount(root, table, top)
    folder = root / place
    make_repository(folder, owner, repository)
    said = user.configure(WORKSPACE_DIR=str(workspace))
    assert works(user, folder) == trusted
    assert [str(folder) in problem for problem in said] == [True] * (not trusted)


@pytest.mark.parametrize("repository", [THEIRS, THIRD])
def test_a_repository_that_is_mounted(
    user: GitMachine, workspace: Path, monkeypatch: pytest.MonkeyPatch, repository: int
) -> None:
    table, folder = user.facts.home.parent / "mountinfo", workspace / "app"
    monkeypatch.setattr(safe_directories, "TABLE", table)
    mount(folder, table, THEIRS)
    make_repository(folder, THEIRS, repository)
    user.configure(WORKSPACE_DIR=str(workspace))
    assert works(user, folder) == (repository == THEIRS)


@pytest.mark.parametrize("name", [b"\xff", b"a\nb", b'it\'s "it" \\ #;', b" a ", b"\xc3\xa4\r\t"])
def test_a_folder_of_any_name(user: GitMachine, workspace: Path, name: bytes) -> None:
    trusted, planted = (workspace / os.fsdecode(name + end) for end in (b"", b"x"))
    make_repository(trusted, ROOT, ROOT)
    make_repository(planted, THEIRS, THEIRS)
    (problem,) = user.configure(WORKSPACE_DIR=str(workspace))
    assert works(user, trusted)
    (workspace / "ran").unlink()
    assert not works(user, planted)
    assert problem.encode().startswith(f"git may refuse {workspace}/".encode())
    assert "\n" not in problem


def test_a_link_leads_nowhere_and_many_refusals_are_one_line(
    user: GitMachine, workspace: Path
) -> None:
    outside = user.facts.home.parent / "outside"
    make_repository(outside, THEIRS, THEIRS)
    (workspace / "link").symlink_to(outside)
    (workspace / "fake").mkdir()
    os.chown(workspace / "fake", OURS, OURS)
    (workspace / "fake/.git").symlink_to(outside / ".git")
    for name in ("one", "two"):
        make_repository(workspace / name, THEIRS, THEIRS)
    (problem,) = user.configure(WORKSPACE_DIR=str(workspace))
    assert f"{workspace}/fake (and 2 more)" in problem
    assert not works(user, outside)


def test_a_mount_that_does_not_answer_is_passed_over(
    user: GitMachine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = user.facts.home.parent
    for name in ("app", "dead"):
        mount(workspace / name, root / "mountinfo", THEIRS)
    make_repository(workspace / "app", THEIRS, THEIRS)
    os.mkfifo(root / "never")
    (root / "bin").mkdir()
    script = f'#!/bin/sh\ncase $2 in *dead) read -r line <"{root}/never" ;; esac\n'
    (root / "bin/test").write_text(script)
    (root / "bin/test").chmod(0o755)
    monkeypatch.setattr(safe_directories, "TABLE", root / "mountinfo")
    monkeypatch.setattr(safe_directories, "PATIENCE", 5.0)
    path = f"{root}/bin:{user.facts.environ['PATH']}"
    user.facts = replace(user.facts, environ={**user.facts.environ, "PATH": path})
    assert user.configure(WORKSPACE_DIR=str(workspace)) == []
    assert works(user, workspace / "app")
    assert str(workspace / "dead") not in user.git("config", "--get-all", "safe.directory")


def test_many_files_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither all names of one folder nor those of all folders; the first folders come first."""
    for number in range(40):
        folder = tmp_path / f"{number:02}"
        folder.mkdir()
        for name in range(safe_directories.MOST + 100 if number < 30 else 1):
            (folder / str(name)).touch()
    for place in ("35", "35/below", "00/below"):
        (tmp_path / place / ".git").mkdir(parents=True)
    seen = 0
    real = os.scandir

    class Counted:
        """The entries of a folder, which are counted as they are read."""

        def __init__(self, path: Path) -> None:
            self._entries = real(path)

        def __enter__(self) -> "Counted":
            return self

        def __exit__(self, *_: object) -> None:
            self._entries.close()

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            nonlocal seen
            for entry in self._entries:
                seen += 1
                yield entry

    monkeypatch.setattr(os, "scandir", Counted)
    found = [folder for folder, _ in safe_directories.list_repositories(tmp_path, ())]
    assert safe_directories.ENTRIES - 40 <= seen <= safe_directories.ENTRIES + 40
    assert tmp_path / "35" in found
    assert tmp_path / "35/below" not in found, "nothing is looked for in a repository"


def test_a_workspace_that_is_not_there_is_not_trusted(tmp_path: Path) -> None:
    machine = GitMachine(tmp_path)
    assert machine.configure(WORKSPACE_DIR=str(tmp_path / "none")) == []
    assert machine.git("config", "safe.directory") == ""
