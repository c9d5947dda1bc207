"""Volumes in the workspace that were there at an earlier backup."""

from pathlib import Path

import pytest

from agent.backup.create.content import Content
from agent.backup.create.mounts import explain, find_lost, find_mounts

ROW = "9 1 0:1 / {} rw - ext4 /dev/vda rw\n"


def test_the_mounts_of_a_content_are_those_below_it_that_are_not_left_out(tmp_path: Path) -> None:
    points = ("/w", "/w/data", "/w/with\\040blank", "/w/cache/inner", "/other", "/")
    (tmp_path / "table").write_text("".join(map(ROW.format, points)))
    content = Content((Path("/w"),), ("/w/cache",))
    found = find_mounts(content, tmp_path / "table")
    assert found == (Path("/w/data"), Path("/w/with blank"))
    assert find_mounts(content, tmp_path / "none") == ()


def test_lost_is_what_left_an_empty_folder(tmp_path: Path) -> None:
    for name in ("empty", "mounted", "used"):
        (tmp_path / name).mkdir()
    (tmp_path / "used/file").touch()
    (tmp_path / "file").touch()
    known = [tmp_path / name for name in ("empty", "mounted", "used", "gone", "file")]
    found = find_lost(Content((tmp_path,)), known, [tmp_path / "mounted"])
    assert [*found] == [tmp_path / "empty"]


@pytest.mark.parametrize("pattern", ["volume", "volume/in", "volume/in/*", "volume/in/**", "vol*"])
def test_what_was_excluded_since_is_not_lost(tmp_path: Path, pattern: str) -> None:
    point = tmp_path / "volume/in"
    point.mkdir(parents=True)
    (tmp_path / "table").write_text(ROW.format(point))
    content = Content((tmp_path,), (f"{tmp_path}/{pattern}",))
    assert [*find_lost(content, [point], [])] == []
    assert find_mounts(content, tmp_path / "table") == (), "and not known for later"
    other = Content((tmp_path,), (f"{tmp_path}/volume/in/*.log",))
    assert [*find_lost(other, [point], [])] == [point]


def test_what_belongs_to_no_path_any_more_is_not_lost(tmp_path: Path) -> None:
    """A person took it out of DEV8_BACKUP_HOME."""
    (tmp_path / "home/data").mkdir(parents=True)
    assert [*find_lost(Content((tmp_path / "work",)), [tmp_path / "home/data"], [])] == []


def test_it_is_said_how_to_do_without_it() -> None:
    assert explain(Path("/w/data"), Path("/w")).endswith("exclude it with DEV8_BACKUP_EXCLUDE")
    assert explain(Path("/h/data"), Path("/w")).endswith("exclude it with DEV8_BACKUP_HOME")
