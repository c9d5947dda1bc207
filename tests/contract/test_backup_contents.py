"""What `devcopilot backup create` puts into a backup, with the real restic."""

import mmap
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.backup import record
from agent.backup.create.snapshot import SHRUNK
from agent.machine.storage.folders import CACHE_SIGNATURE
from tests.contract.box import call, open_box, read
from tests.contract.committing import committing, git, make_repository
from tests.contract.homes import Workspace
from tests.worlds.quick_key import find_password


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Workspace]:
    with open_box(tmp_path) as made:
        yield made


def list_backups(box: Workspace) -> list[Any]:
    return list(read(box, "backup", "restic", "--", "snapshots"))


def find_tags(box: Workspace) -> list[str]:
    return list(list_backups(box)[-1]["tags"])


# --- a workspace of which next to nothing is left ---


def test_next_to_nothing_is_marked_until_it_is_accepted(box: Workspace) -> None:
    workspace = box.folder / "workspace"
    for number in range(303):
        (workspace / f"file{number}").touch()
    call(box, "backup", "create")
    shutil.move(workspace, box.folder / "volume")
    workspace.mkdir()
    (workspace / "left").touch()
    done = call(box, "backup", "create", code=1)
    assert "1 files instead of 304; check that its volume is mounted" in done.stdout
    assert SHRUNK in find_tags(box)
    (row,) = read(box, "status")["backups"]
    assert row["red"]
    assert "the workspace is almost empty" in row["shrunk"]
    call(box, "backup", "create", code=1)  # it stays
    (workspace / "more").touch()
    call(box, "backup", "create", code=1)
    assert SHRUNK in find_tags(box)
    record_file = record.FILE.path(box.context().facts)
    record_file.unlink()  # as in a new container: the target knows
    (workspace / "even more").touch()
    call(box, "backup", "create", code=1)
    call(box, "backup", "create", "--accept-shrunk")
    assert SHRUNK not in find_tags(box)
    (row,) = read(box, "status")["backups"]
    assert (row["red"], row["shrunk"]) == (False, "")
    call(box, "backup", "create")


def test_when_the_files_are_back_all_is_as_before(box: Workspace) -> None:
    workspace = box.folder / "workspace"
    (workspace / "a").rename(box.folder / "a")
    call(box, "backup", "create", code=0)  # a workspace of one file may lose it
    (box.folder / "a").rename(workspace / "a")
    for number in range(20):
        (workspace / f"file{number}").touch()
    call(box, "backup", "create")
    workspace.rename(box.folder / "volume")
    workspace.mkdir()
    call(box, "backup", "create", code=1)
    workspace.rmdir()
    (box.folder / "volume").rename(workspace)
    call(box, "backup", "create")
    assert SHRUNK not in find_tags(box), "the newest is the workspace as it is"
    (row,) = read(box, "status")["backups"]
    assert not row["red"]


def test_a_workspace_that_is_not_there_is_named(box: Workspace) -> None:
    (box.folder / "workspace").rename(box.folder / "volume")
    (box.home / ".bashrc").touch()
    done = call(box, "backup", "create", code=1)
    assert f"missing: {box.folder / 'workspace'}: there is no such folder" in done.stdout


# --- a repository seen through another mount ---


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Any]:
    """Give what shows a folder at a second place."""
    places: list[Path] = []

    def bind(source: Path, place: Path) -> None:
        place.mkdir(parents=True)
        source.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", source, place], check=True)
        places.append(place)

    yield bind
    for place in reversed(places):
        subprocess.run(["umount", place], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
@pytest.mark.parametrize("shown", ["backups/workspace", "backups", "home", ""])
def test_a_repository_that_is_seen_elsewhere_is_left_out(
    box: Workspace, mount: Any, shown: str
) -> None:
    """However it comes to be seen: itself, its folder, or what holds that."""
    seen = box.folder / "workspace/seen"
    if shown == "":
        (box.folder / "volume").mkdir()
        (box.folder / "backups").rename(box.folder / "volume/backups")
        (box.folder / "backups").symlink_to("volume/backups")
        shown = "volume"
    mount(box.folder / shown, seen)
    done = call(box, "backup", "create")
    assert "skipped, the agent's own files through another mount: " in done.stdout
    held = call(box, "backup", "restic", "--", "ls", "latest").stdout.splitlines()
    inner = [name for name in held if name.startswith(f"{seen}/")]
    secret = find_password(box.home).relative_to(box.home)
    assert not [name for name in inner if name.endswith("/config") or name.endswith(str(secret))]
    assert list_backups(box)[-1]["summary"]["total_bytes_processed"] < 110_000


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_volume_that_is_not_mounted_any_more_is_missed(box: Workspace, mount: Any) -> None:
    """Until it is back, excluded, or its folder gone.

    Meanwhile no backup is removed that holds its files.
    """
    seen, volume = box.folder / "workspace/data", box.folder / "volume"
    mount(volume, seen)
    (volume / "file").write_text("data")
    call(box, "backup", "create")
    subprocess.run(["umount", seen], check=True)
    try:
        for _ in range(2):
            done = call(box, "backup", "create", code=1)
            assert f"missing: {seen}: nothing is mounted there" in done.stdout
        assert "unmounted" in (box.home / ".local/state/devcopilot/backup/record.json").read_text()
        usual, box.variables = box.variables, {**box.variables, "DEV8_BACKUP_EXCLUDE": "/data"}
        box.configure()
        call(box, "backup", "create")
        box.variables = usual
        box.configure()
        subprocess.run(["mount", "--bind", volume, seen], check=True)
        call(box, "backup", "create")
        subprocess.run(["umount", seen], check=True)
        seen.rmdir()
        call(box, "backup", "create")
    finally:
        seen.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", volume, seen], check=True)


def test_the_folder_of_the_records_may_be_a_link_into_the_workspace(box: Workspace) -> None:
    """A restore would write an older record over the way back that it has just noted."""
    records = box.home / ".local/state/devcopilot/backup"
    place = box.folder / "workspace/.records"
    records.rename(place)
    records.symlink_to(place)
    done = call(box, "backup", "create")
    assert f"skipped, the agent's own files through another mount: {place}" in done.stdout
    held = call(box, "backup", "restic", "--", "ls", "latest").stdout.splitlines()
    assert not [name for name in held if name.startswith(f"{place}/")]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_also_before_there_is_a_repository(tmp_path: Path, mount: Any) -> None:
    mount(tmp_path / "backups", tmp_path / "seen")
    with open_box(tmp_path, WORKSPACE_DIR=str(tmp_path / "seen")) as box:
        # `open_box` puts its file into the usual place, which is not the workspace here.
        held = call(box, "backup", "restic", "--", "ls", "latest").stdout.splitlines()
        assert not [name for name in held if name.startswith(f"{tmp_path}/seen/workspace")]


# --- commands of the user ---


def test_a_command_that_fails_is_red_and_its_secrets_are_hidden(box: Workspace) -> None:
    word = find_password(box.home).read_text().strip()
    script = f"echo 'no login with {word} at all'; exit 3"
    box.with_variables({**box.variables, "DEV8_BACKUP_PRE": f'sh -c "{script}"'}).configure()
    done = call(box, "backup", "create", code=1)
    problem = "DEV8_BACKUP_PRE failed with code 3: no login with *** at all"
    assert f"missing: {problem}\n" in done.stdout
    (row,) = read(box, "status")["backups"]
    assert (row["red"], row["hook"]) == (True, problem)
    assert word not in (record.FILE.path(box.context().facts)).read_text()
    box.with_variables({**box.variables, "DEV8_BACKUP_PRE": "true"}).configure()
    call(box, "backup", "create")
    (row,) = read(box, "status")["backups"]
    assert not row["red"]


# --- repositories of git ---


MOVING = """\
#!/bin/bash
case " $* " in
*" backup "*)
    mkdir -p "{work}/early"
    mv -T "{work}/late/file" "{work}-away" 2>/dev/null
    "{restic}" "$@"; code=$?
    mv -T "{work}-away" "{work}/early/file" 2>/dev/null
    exit "$code" ;;
esac
exec "{restic}" "$@"
"""


@pytest.mark.parametrize("way", ["beside", "in place"])
def test_a_repository_that_is_worked_in_comes_back_whole(
    box: Workspace, tmp_path: Path, way: str
) -> None:
    workspace = box.folder / "workspace"
    worktree = make_repository(workspace / "project")
    with committing(workspace / "project", worktree, tmp_path):
        for number in range(int(os.environ.get("ROUNDS", "3"))):
            call(box, "backup", "create")
            call(box, "backup", "restore", "--to", str(tmp_path / f"back{number}"))
            check_repositories(Path(f"{tmp_path}/back{number}{workspace}"))
    if way == "in place":
        call(box, "backup", "restore", "--yes")
        check_repositories(workspace)
        git(workspace / "project", "commit", "-q", "--allow-empty", "-m", "one more")


def test_what_is_moved_behind_a_backup_is_in_it(box: Workspace, tmp_path: Path) -> None:
    """The first run of restic sees it at neither place, as one that is walking does."""
    workspace = box.folder / "workspace"
    (workspace / "late").mkdir()
    (workspace / "late/file").write_text("work")
    program = tmp_path / "restic"
    program.write_text(MOVING.format(restic=shutil.which("restic"), work=workspace))
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{box.variables['PATH']}"
    box.with_variables({**box.variables, "PATH": path}).configure()
    done = call(box, "backup", "create")
    assert "missing" not in done.stdout
    held = call(box, "backup", "restic", "--", "ls", "latest").stdout.splitlines()
    assert f"{workspace}/early/file" in held
    assert len(list_backups(box)) == 2, "the one without it is gone"


def check_repositories(workspace: Path) -> None:
    """See that git finds no fault, in the submodule and the worktree either."""
    project, worktree = workspace / "project", workspace / "project-worktree"
    inner = project / ".git/worktrees/project-worktree"
    assert inner.is_dir()
    # Not by `git worktree repair`: it follows the old path, and would mend the original instead.
    (worktree / ".git").write_text(f"gitdir: {inner}\n")
    (inner / "gitdir").write_text(f"{worktree / '.git'}\n")
    for folder in (project, project / "inner", worktree):
        assert git(folder, "rev-parse", "--absolute-git-dir").startswith(str(project))
        assert "HEAD" not in git(folder, "fsck", "--full", "--strict")
        git(folder, "log", "--all", "--stat")
        git(folder, "status")


def test_a_worktree_of_git_that_says_it_is_a_cache_is_named(box: Workspace) -> None:
    """Its files are somebody's work: a tag may come with what was cloned."""
    workspace = box.folder / "workspace"
    for name in ("cloned", "cache"):
        (workspace / name).mkdir()
        (workspace / name / "CACHEDIR.TAG").write_bytes(CACHE_SIGNATURE)
    assert call(box, "backup", "create").returncode == 0
    git(workspace / "cloned", "init")
    done = call(box, "backup", "create", code=1)
    assert f"missing: {workspace}/cloned: all of it" in done.stdout
    assert f"missing: {workspace}/cache" not in done.stdout


# --- links ---


def test_a_link_that_leads_out_is_named_and_not_followed(box: Workspace) -> None:
    workspace, outside = box.folder / "workspace", box.home / "data"
    outside.mkdir()
    (workspace / "inside").symlink_to("a")
    (workspace / "left-out").symlink_to(outside)
    (workspace / "dead").symlink_to("../home/data/gone")
    (workspace / "loop").symlink_to("loop")
    changed = box.with_variables({**box.variables, "DEV8_BACKUP_EXCLUDE": "left-out"})
    changed.configure()
    done = call(changed, "backup", "create").stdout
    assert f"{workspace}/dead: only the link is in the backup, not {outside}/gone" in done
    assert "left-out: only" not in done


def test_a_repository_whose_commits_lie_elsewhere_is_named(box: Workspace) -> None:
    """It is restored without them, and then git cannot read it."""
    workspace, outside = box.folder / "workspace", box.home / "mirror"
    make_repository(outside)
    git(workspace, "clone", "-q", "--shared", str(outside), "borrows")
    git(outside, "worktree", "add", "-q", str(workspace / "tree"))
    make_repository(workspace / "inner")
    git(workspace / "inner", "worktree", "add", "-q", str(workspace / "own-tree"))
    git(workspace, "clone", "-q", "--shared", str(workspace / "inner"), "own-borrows")
    done = call(box, "backup", "create").stdout
    (line,) = [row for row in done.split("\n") if "is of no use without" in row]
    assert f"{workspace}/borrows/.git (and 1 more) is of no use without {outside}/.git/" in line
    changed = box.with_variables({**box.variables, "DEV8_BACKUP_HOME": "+mirror"})
    changed.configure()
    assert "is of no use without" not in call(changed, "backup", "create").stdout


def test_a_folder_that_only_looks_like_a_repository_comes_back_whole(box: Workspace) -> None:
    """In a real one, a lock that is a few minutes old is somebody's work, and is not restored."""
    papers = box.folder / "workspace/papers"
    for name in ("objects/x", "refs/poetry.lock", "HEAD"):
        (papers / name).parent.mkdir(parents=True, exist_ok=True)
        (papers / name).write_text("mine")
    call(box, "backup", "create")
    shutil.rmtree(papers)
    call(box, "backup", "restore", "--yes")
    assert (papers / "refs/poetry.lock").read_text() == "mine"


@pytest.mark.parametrize("place", ["backups/workspace/data/x", "home/.local/state/devcopilot/x"])
def test_nothing_is_restored_into_the_agents_own_folders(box: Workspace, place: str) -> None:
    """There no backup would ever hold it, and in a repository it is litter."""
    link = box.folder / "link"
    link.symlink_to((box.folder / place).parent)
    for target in (box.folder / place, link / "x"):
        done = call(box, "backup", "restore", "--to", str(target), code=2)
        assert "is for the agent's own files (choose another folder)" in done.stderr
    assert not (box.folder / place).exists()


# --- a file that a program changes through memory ---


@pytest.mark.parametrize("folder", ["/dev/shm", tempfile.gettempdir()])
def test_what_is_changed_through_memory_is_read_again(folder: str) -> None:
    """The kernel dates the first change to a page alone; on tmpfs, none."""
    with tempfile.TemporaryDirectory(dir=folder) as root, open_box(Path(root)) as box:
        place = Path(root, "restored")
        path = Path(root, "workspace/mapped")
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
            memory[:5] = b"first"
            call(box, "backup", "create")
            memory[:5] = b"later"
            call(box, "backup", "create")
            call(box, "backup", "restore", "--path", "mapped", "--to", str(place))
            assert place.read_bytes()[:5] == b"later"
            place.unlink()
            memory[:5] = b"ended"
        call(box, "backup", "create")
        call(box, "backup", "restore", "--path", "mapped", "--to", str(place))
        assert place.read_bytes()[:5] == b"ended"
