"""Volumes in the workspace that were there at an earlier backup."""

from pathlib import Path

from agent.backup.make.content import Content
from agent.backup.make.mounts import find_lost, find_mounts

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
    assert [*find_lost(known, [tmp_path / "mounted"])] == [tmp_path / "empty"]
