"""What goes into a backup, and what a walk over it finds."""

import errno
import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from agent.backup.create import content as backup_content
from agent.backup.create.content import (
    HOME,
    Content,
    choose_home,
    drop_nested,
    find_same,
    leaves_nothing,
)
from agent.backup.create.survey import STORE, Count, survey
from agent.commands.backup.shared import TOOL_FILES
from agent.machine.formats.globs import compile_patterns
from agent.machine.storage.folders import CACHE_SIGNATURE, CACHE_TAG
from agent.machine.storage.sqlite import HEADER

find_content = partial(backup_content.find_content, tools=TOOL_FILES)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "workspace").mkdir()
    return tmp_path / "workspace"


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def look(content: Content) -> tuple[list[Path], list[Path], dict[Path, str]]:
    """Return caches, databases, and what could not be looked into."""
    found = survey(content)
    return found.caches, found.databases, found.unreadable


def is_taken(content: Content, path: Path) -> bool:
    """Tell whether restic would take this, as to patterns and paths."""
    reached = any(path.is_relative_to(top) for top in content.paths)
    return reached and not compile_patterns(content.excludes)(str(path))


# --- the paths ---


def test_the_workspace_and_what_is_there_of_the_home(home: Path, workspace: Path) -> None:
    fill(home, ".bashrc", ".ssh/config", ".cache/x", ".config/nvim/init.lua")
    found = {str(path.relative_to(home.parent)) for path in find_content(workspace, home).paths}
    assert found == {"workspace", "home/.bashrc", "home/.ssh/config", "home/.config/nvim"}


@pytest.mark.parametrize("name", [".git/config", ".env", "build/x", "dist/x", "node_modules/a/b"])
def test_nothing_of_the_workspace_is_left_out_by_itself(
    home: Path, workspace: Path, name: str
) -> None:
    assert is_taken(find_content(workspace, home), workspace / name)


def test_a_workspace_that_is_a_link_is_its_target(home: Path, workspace: Path) -> None:
    link = home.parent / "link"
    link.symlink_to(workspace)
    content = find_content(link, home, wishes=["x"])
    assert content.paths == (workspace,)
    assert content.wishes == (f"{workspace}/x",)


def test_a_listed_link_brings_what_it_leads_to_in_the_home(home: Path, workspace: Path) -> None:
    fill(home, "dotfiles/bashrc")
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    (home / ".vimrc").symlink_to("nowhere")
    (home / ".profile").symlink_to("/etc/profile")
    paths = {str(path.relative_to(home)) for path in find_content(workspace, home).paths[:-1]}
    assert paths == {".bashrc", "dotfiles/bashrc", ".vimrc", ".profile"}


def test_no_folder_on_the_way_is_a_link(home: Path, workspace: Path) -> None:
    real = home.parent / "config"
    fill(real, "git/config", "git/credentials")
    (home / ".config").symlink_to(real)
    content = find_content(workspace, home)
    assert real / "git" in content.paths
    assert is_taken(content, real / "git/config")
    assert not is_taken(content, real / "git/credentials")


def test_no_path_lies_in_another(home: Path) -> None:
    fill(home, ".bashrc", "work/x")
    assert find_content(home, home).paths == (home,)
    assert list(drop_nested(map(Path, ("/a-b", "/a/b", "/a", "/a/b/c")))) == [
        Path("/a"),
        Path("/a-b"),
    ]


def test_a_folder_can_be_added(home: Path, workspace: Path) -> None:
    content = find_content(workspace, home)
    assert content.add(home / "copies").paths == (home / "copies", workspace)
    assert content.add(workspace / "copies").paths == (workspace,)


# --- the list of the home ---


@pytest.mark.parametrize(
    ("words", "has", "lacks"),
    [
        ((), ".bashrc", "notes"),
        (("+notes", "-.bashrc"), "notes", ".bashrc"),
        (("~/notes", "letters/"), "letters", ".bashrc"),
        (("-.claude",), ".codex/config.toml", ".claude/settings.json"),
        (("a", "b", "-b"), "a", "b"),
    ],
)
def test_the_list_can_be_changed(words: tuple[str, ...], has: str, lacks: str) -> None:
    kept, _ = choose_home(words, (*HOME, *TOOL_FILES.kept))
    assert has in kept
    assert lacks not in kept


@pytest.mark.parametrize("word", ["", "+", "-", "/etc", "+/etc", "..", "-../x", "a/../..", "~bob"])
def test_a_word_that_is_no_path_below_the_home_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="below the home"):
        choose_home([word], HOME)


def test_what_is_taken_away_is_left_out_of_a_listed_folder(home: Path, workspace: Path) -> None:
    fill(home, ".vim/vimrc", ".vim/undo/x")
    content = find_content(workspace, home, words=["-.vim/undo"])
    assert is_taken(content, home / ".vim/vimrc")
    assert not is_taken(content, home / ".vim/undo/x")


def test_taking_away_never_takes_the_workspace(home: Path) -> None:
    for name in ("work", "work/ws", "work/ws/src"):
        content = find_content(home / "work/ws", home, words=[f"-{name}"])
        assert not compile_patterns(content.excludes)(str(home / "work/ws/src/a.py"))


# --- what never goes in ---


@pytest.mark.parametrize("name", [
    ".config/gh/hosts.yml", ".netrc", ".git-credentials", ".ssh/id_ed25519", ".ssh/work-key",
    ".ssh/sub/key", ".aws/credentials", ".azure/msal_token_cache.json", ".npmrc",
    ".claude/.credentials.json", ".codex/auth.json", ".gemini/.env", ".gnupg/x", ".kube/config",
    ".config/code-server/config.yaml",
])  # fmt: skip
def test_secrets_are_left_out_even_of_the_whole_home(home: Path, name: str) -> None:
    fill(home, name)
    wishes = ["!**", f"!{name}"]
    content = find_content(home, home, words=["+."], wishes=wishes)
    assert not is_taken(content, home / name)


@pytest.mark.parametrize("name", [
    ".ssh/config", ".ssh/known_hosts.old", ".ssh/id.pub", ".aws/config", ".config/gh/config.yml",
    ".claude/settings.json",
])  # fmt: skip
def test_what_lies_beside_secrets_goes_in(home: Path, workspace: Path, name: str) -> None:
    fill(home, name)
    content = find_content(workspace, home, words=["+."])
    assert is_taken(content, home / name)


def test_the_agents_own_is_left_out_but_for_its_copies(home: Path) -> None:
    state = home / ".local/state/devcopilot"
    content = find_content(home, home, own=[state, home / "repository"], copies=state / "databases")
    assert not is_taken(content, state / "ssh/key")
    assert not is_taken(content, home / "repository/data/00")
    assert is_taken(content, state / "databases/w/a.db")


def test_a_folder_around_the_workspace_does_not_empty_the_backup(home: Path) -> None:
    fill(home, "ws/x")
    content = find_content(home / "ws", home, own=[home])
    assert is_taken(content, home / "ws/x")


def test_the_workspace_is_known_among_our_own(home: Path, workspace: Path) -> None:
    (home / "link").symlink_to(workspace)
    (home / "inner").symlink_to(workspace / "inner")
    assert find_same(workspace, [home, workspace]) == workspace
    assert find_same(workspace, [home / "inner", home / "link"]) == home / "link"
    assert find_same(home / "link", [workspace]) == workspace
    assert find_same(workspace, [home, home / "inner", workspace / "inner"]) is None
    assert find_same(home / "none", [home / "gone", home / "none"]) == home / "none"


def test_every_pattern_is_anchored(home: Path, workspace: Path) -> None:
    content = find_content(workspace, home, wishes=["a", "!b"], own=[home / "s"])
    assert content.wishes == (f"{workspace}/a", f"!{workspace}/b")
    assert all(pattern.lstrip("!").startswith("/") for pattern in content.excludes)


# --- the walk ---


def test_caches_are_found_by_their_tag_and_not_entered(workspace: Path) -> None:
    for name, text in (("real", CACHE_SIGNATURE + b"\n# x"), ("fake", b"Signature: no")):
        fill(workspace, f"{name}/a.db", f"{name}/in/b.db")
        (workspace / name / CACHE_TAG).write_bytes(text)
    fill(workspace, "linked/a.db")
    (workspace / "linked" / CACHE_TAG).symlink_to(workspace / "real" / CACHE_TAG)
    os.mkfifo(workspace / "fake/in" / CACHE_TAG)
    found = survey(Content((workspace,)))
    assert sorted(found.caches) == [workspace / "linked", workspace / "real"]
    assert sorted(found.databases) == [workspace / "fake/a.db", workspace / "fake/in/b.db"]


def test_databases_are_found_by_their_name_or_by_what_lies_beside(workspace: Path) -> None:
    fill(workspace, "a.db", "b.SQLITE3", "state.vscdb", "plain", "plain-wal", "other", "x.dbf")
    assert {path.name for path in survey(Content((workspace,))).databases} == {
        "a.db", "b.SQLITE3", "state.vscdb", "plain",
    }  # fmt: skip


def test_databases_are_found_by_their_header(workspace: Path) -> None:
    for name in ("History", "cold.gpkg"):
        with closing(sqlite3.connect(workspace / name)) as base:
            base.execute("CREATE TABLE a (n)")
    (workspace / "pages").write_bytes(b"x" * 4096)
    (workspace / "text").write_bytes(HEADER + b"is how such a file begins")
    assert {path.name for path in survey(Content((workspace,))).databases} == {
        "History", "cold.gpkg",
    }  # fmt: skip
    assert survey(Content((workspace / "History",))).databases == [workspace / "History"]
    assert survey(Content((workspace,), (f"{workspace}/*",))).databases == []


def test_our_repository_is_known_on_another_device(home: Path, workspace: Path) -> None:
    """A share that is mounted twice may be two devices; here a hard link shows the same file."""
    ours, seen, other = home / "backups/w", workspace / "share/w", workspace / "copy"
    for folder in (ours, seen, other):
        fill(folder, *(f"{name}/x.db" for name in STORE))
    (ours / "config").write_bytes(b"of this repository")
    (seen / "config").hardlink_to(ours / "config")
    (other / "config").write_bytes(b"of this repository")
    found = survey(Content((workspace,), own=(ours,)))
    assert found.mirrors == [seen]
    assert {path.parent.parent for path in found.databases} == {other}


def test_repositories_of_git_are_found(workspace: Path) -> None:
    for name in ("a/.git", "a/.git/modules/inner", "bare.git"):
        fill(workspace, f"{name}/HEAD", f"{name}/objects/x", f"{name}/refs/x")
    fill(workspace, "none/HEAD", "none/objects/x")
    found = {
        str(path.relative_to(workspace)) for path in survey(Content((workspace,))).repositories
    }
    assert found == {"a/.git", "a/.git/modules/inner", "bare.git"}


def test_data_of_database_servers_is_found(workspace: Path) -> None:
    fill(workspace, "pg/PG_VERSION", "pg/base/1/PG_VERSION", "pg/global/x")
    fill(workspace, "redis/dump.rdb", "redis/appendonlydir/x")
    fill(workspace, "my/ibdata1", "mongo/WiredTiger", "mongo/WiredTiger.wt")
    found = {(name, path.name) for name, path in survey(Content((workspace,))).servers}
    assert found == {
        ("PostgreSQL", "pg"),
        ("Redis", "redis"),
        ("MySQL", "my"),
        ("MongoDB", "mongo"),
    }


def tag(folder: Path) -> None:
    fill(folder, CACHE_TAG)
    (folder / CACHE_TAG).write_bytes(CACHE_SIGNATURE)


def test_clones_that_are_left_out_with_a_cache_are_found(workspace: Path) -> None:
    tag(workspace / "cache")
    tag(workspace / "own")
    fill(workspace, "cache/a/.git/HEAD", "cache/a/inner/.git", "cache/b/c/.git", "own/.git/HEAD",
         "cache/left/.git/HEAD", "cache/plain/file", "clone/.git/HEAD")  # fmt: skip
    (workspace / "cache/link").symlink_to(workspace / "clone")
    found = survey(Content((workspace,), (f"{workspace}/cache/left",)))
    cache, own = workspace / "cache", workspace / "own"
    assert sorted(found.clones) == [(cache / "a", cache), (cache / "b/c", cache), (own, own)]


def test_links_out_are_noted_except_in_a_cache_whose_links_no_backup_holds(workspace: Path) -> None:
    tag(workspace / "cache")
    for name in ("cache/link", "link", "within"):
        (workspace / name).symlink_to("/data" if name != "within" else "cache")
    assert survey(Content((workspace,))).links == [(workspace / "link", Path("/data"))]


def test_a_link_that_has_just_become_a_file_is_nothing_unreadable(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "link").symlink_to("/data")

    def refuse(path: str) -> str:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)

    monkeypatch.setattr(os, "readlink", refuse)
    found = survey(Content((workspace,)))
    assert (found.links, found.unreadable) == ([], {})


def test_a_big_cache_is_not_looked_through(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.backup.create.survey.MOST_CACHED", 30)
    tag(workspace)
    fill(workspace, "near/.git", *(f"wide/{number}/deep/file" for number in range(40)))
    fill(workspace, *(f"wide/{number}/deep/er/.git" for number in range(40)))
    assert survey(Content((workspace,))).clones == [(workspace / "near", workspace)]


@pytest.mark.parametrize(
    ("wishes", "nothing", "emptied"),
    [
        (["*"], True, True), (["**"], True, True), (["?*"], True, True), (["*/"], True, True),
        (["*", "!src"], False, False), (["src", "*.md", ".git"], True, True),
        (["src"], False, False), (["**/*.md", ".git", "src/*"], False, True),
        (["data/*.bin"], False, False), ([], False, False),
    ],
)  # fmt: skip
def test_patterns_that_leave_nothing_are_known(
    home: Path, workspace: Path, wishes: list[str], nothing: bool, emptied: bool
) -> None:
    fill(workspace, "src/a.py", "README.md", ".git/HEAD")
    assert leaves_nothing(workspace, wishes) is nothing
    found = survey(find_content(workspace, home, wishes=wishes))
    assert found.emptied == ([workspace] if emptied else [])


@pytest.mark.parametrize(
    ("wishes", "nothing"), [(["*"], True), (["**/*"], True), (["src"], False), (["*.md"], False)]
)
def test_an_empty_workspace_is_judged_by_what_may_come(
    workspace: Path, wishes: list[str], nothing: bool
) -> None:
    assert leaves_nothing(workspace, wishes) is nothing


def test_how_much_there_is_is_counted_for_each_path(home: Path, workspace: Path) -> None:
    fill(home, ".bashrc", ".vim/a", ".vim/b/c")
    (workspace / "in").mkdir()
    (workspace / "in/data").write_bytes(b"x" * 700)
    (workspace / "link").symlink_to("data")
    content = find_content(workspace, home)
    found = {path.name: count for path, count in survey(content).counts.items()}
    assert found == {".bashrc": Count(1, 0), ".vim": Count(2, 0), "workspace": Count(2, 700)}


def test_a_path_may_be_a_database_itself(workspace: Path) -> None:
    fill(workspace, "a.db", "plain", "plain-journal", "no")
    paths = tuple(workspace / name for name in ("a.db", "no", "plain"))
    assert survey(Content(paths)).databases == [workspace / "a.db", workspace / "plain"]
    assert survey(Content(paths, (f"{workspace}/*",))).databases == []


def test_the_walk_passes_by_what_is_left_out_and_our_own(home: Path) -> None:
    state = home / "state"
    fill(home, "left/a.db", "b.db", "kept/b.db", "state/databases/w/a.db", "state/s.db")
    content = find_content(
        home, home, wishes=["left", "b.db"], own=[state], copies=state / "databases"
    )
    (home / "left" / CACHE_TAG).write_bytes(CACHE_SIGNATURE)
    assert look(content) == ([], [home / "kept/b.db"], {})


def test_the_walk_follows_no_link_and_takes_every_name(workspace: Path) -> None:
    (workspace / "loop").symlink_to(workspace)
    (workspace / "linked.db").symlink_to("/etc/passwd")
    fill(workspace, os.fsdecode(b"\xff\n/x.db"))
    (found,) = survey(Content((workspace,))).databases
    assert os.fsencode(found) == os.fsencode(workspace) + b"/\xff\n/x.db"


@pytest.mark.skipif(os.getuid() == 0, reason="root may look into every folder")
def test_what_cannot_be_looked_into_is_noted(workspace: Path) -> None:
    fill(workspace, "shut/a.db", "b.db")
    (workspace / "shut").chmod(0)
    found = look(Content((workspace,)))
    assert found == ([], [workspace / "b.db"], {workspace / "shut": "Permission denied"})
    (workspace / "shut").chmod(0o700)


def test_a_folder_that_cannot_be_read_is_noted(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, "bad/a.db", "gone/b.db", "c.db")
    real = os.scandir

    def scan(folder: str) -> "os._ScandirIterator[str]":
        if folder.endswith("bad"):
            raise PermissionError(13, "Permission denied")
        if folder.endswith("gone"):
            raise FileNotFoundError
        return real(folder)

    monkeypatch.setattr(os, "scandir", scan)
    found = look(Content((workspace,)))
    assert found == ([], [workspace / "c.db"], {workspace / "bad": "Permission denied"})
