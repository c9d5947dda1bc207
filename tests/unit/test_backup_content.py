"""What goes into a backup, and what a walk over it finds."""

import os
from pathlib import Path

import pytest

from agent.backup import content
from agent.settings import Settings
from agent.system import Facts
from tests.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    (tmp_path / "workspace").mkdir()
    return make_facts(tmp_path)


def find(facts: Facts, **variables: str) -> content.Content:
    workspace = str(facts.home.parent / "workspace")
    settings = Settings.from_environ({"WORKSPACE_DIR": workspace, **variables})
    return content.find_content(settings, facts)


def test_the_workspace_and_what_is_there_of_the_home(facts: Facts) -> None:
    (facts.home / ".bashrc").touch()
    (facts.home / ".ssh").mkdir()
    (facts.home / ".ssh/config").touch()
    (facts.home / ".cache").mkdir()
    found = {path.relative_to(facts.home.parent) for path in find(facts).paths}
    assert {str(path) for path in found} == {"workspace", "home/.bashrc", "home/.ssh/config"}


def test_a_link_that_leads_nowhere_counts_as_there(facts: Facts) -> None:
    (facts.home / ".vimrc").symlink_to("dotfiles/vimrc")
    assert facts.home / ".vimrc" in find(facts).paths


@pytest.mark.parametrize(("words", "has", "lacks"), [
    (None, ".bashrc", "notes"),
    (("+notes", "-.bashrc"), "notes", ".bashrc"),
    (("notes", "letters/"), "letters", ".bashrc"),
])  # fmt: skip
def test_the_list_can_be_changed(words: tuple[str, ...] | None, has: str, lacks: str) -> None:
    chosen = content.choose_home(words)
    assert has in chosen
    assert lacks not in chosen


def test_no_path_lies_in_another(facts: Facts) -> None:
    (facts.home / "project").mkdir()
    (facts.home / ".bashrc").touch()
    found = find(facts, WORKSPACE_DIR=str(facts.home), BACKUP_DIR="/backups")
    assert found.paths == (facts.home,)


def test_secrets_and_our_own_are_left_out_by_anchored_patterns(facts: Facts) -> None:
    folder = facts.home / "backups"
    found = find(facts, WORKSPACE_DIR=str(facts.home), BACKUP_DIR=str(folder))
    home = str(facts.home)
    for wanted in (".config/gh/hosts.yml", ".ssh/id_*", ".aws", "backups"):
        assert f"{home}/{wanted}" in found.excludes
    assert f"{facts.state}/*" in found.excludes
    assert f"!{facts.state}/databases" in found.excludes
    assert all(pattern.lstrip("!").startswith("/") for pattern in found.excludes)
    assert found.wishes == ()


def test_patterns_of_the_user_are_relative_to_the_workspace(facts: Facts) -> None:
    found = find(facts, DEV8_BACKUP_EXCLUDE="/data/*.bin, my files\n**/tmp")
    workspace = facts.home.parent / "workspace"
    assert found.wishes == (
        f"{workspace}/data/*.bin", f"{workspace}/my files", f"{workspace}/**/tmp",
    )  # fmt: skip
    assert found.excludes[:3] == found.wishes


@pytest.mark.parametrize(("name", "pattern"), [
    ("/a/plain", "/a/plain"),
    ("/a/[b]*?", r"/a/\[b\]\*\?"),
    ("/a/back\\slash", r"/a/back\\slash"),
])  # fmt: skip
def test_a_path_as_a_pattern_matches_itself_alone(name: str, pattern: str) -> None:
    assert content.escape(Path(name)) == pattern


def test_caches_are_found_by_their_tag_and_not_entered(tmp_path: Path) -> None:
    for name, text in (("real", content.CACHE_SIGNATURE + b"\n# x"), ("fake", b"Signature: no")):
        (tmp_path / name).mkdir()
        (tmp_path / name / content.CACHE_TAG).write_bytes(text)
        (tmp_path / name / "a.db").touch()
    found = content.walk([tmp_path])
    assert found.caches == [tmp_path / "real"]
    assert found.databases == [tmp_path / "fake/a.db"]


def test_databases_are_found_by_their_name_or_by_what_lies_beside(tmp_path: Path) -> None:
    for name in ("a.db", "b.sqlite3", "state.vscdb", "plain", "plain-wal", "other", "x.dbf"):
        (tmp_path / name).touch()
    assert {path.name for path in content.walk([tmp_path]).databases} == {
        "a.db", "b.sqlite3", "state.vscdb", "plain",
    }  # fmt: skip


def test_the_walk_follows_no_link_and_takes_every_name(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    odd = tmp_path / os.fsdecode(b"\xff\n")
    odd.mkdir()
    (odd / "x.db").touch()
    (tmp_path / "linked.db").symlink_to("/etc/passwd")
    (found,) = content.walk([tmp_path]).databases
    assert found.name == "x.db"


def test_what_cannot_be_entered_is_passed_over(tmp_path: Path) -> None:
    assert content.walk([tmp_path / "gone", Path("/proc/1/map_files")]) == content.Found()
