"""What a dry run tells: what is more than the backup holds, without what is left out."""

from pathlib import Path

from agent.backup.preview import Skipped, find_extras
from agent.patterns import compile_patterns


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
