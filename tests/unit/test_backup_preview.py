"""What a dry run tells: what is more than the backup holds, without what is left out."""

import os
import stat
from pathlib import Path

from agent.backup.restore.preview import Skipped, find_extras
from agent.machine.globs import compile_patterns


def test_the_last_pattern_decides() -> None:
    skipped = Skipped([Path("/state")], compile_patterns(["/w/a/*", "!/w/a/b"]))
    assert Path("/w/a/c") in skipped
    assert Path("/w/a/b") not in skipped
    assert Path("/state") in skipped


def test_extras_leave_out_caches_and_follow_no_link(tmp_path: Path) -> None:
    for name in ("known", "more/file", "cache/CACHEDIR.TAG", "cache/content"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("more")
    known = {str(tmp_path / "known"), str(tmp_path / "cache/CACHEDIR.TAG")}
    found = find_extras(tmp_path, known, Skipped([], compile_patterns([])))
    assert [str(path.relative_to(tmp_path)) for path in found] == ["link", "more/file"]


def test_what_no_backup_of_today_holds_is_not_to_be_deleted(tmp_path: Path) -> None:
    """It stays: no longer backed up, or nobody may read it."""
    for name in ("in/more", "in/closed", "out/more"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/dead").symlink_to("nowhere")
    skipped = Skipped([], compile_patterns([]), [tmp_path / "in"])
    found = [str(path.relative_to(tmp_path)) for path in find_extras(tmp_path, set(), skipped)]
    assert found == ["in/closed", "in/dead", "in/more", "in/pipe"]
    (tmp_path / "in/closed").chmod(0)
    assert skipped.stays(tmp_path / "in/closed", stat.S_IFREG) == (os.getuid() != 0)
