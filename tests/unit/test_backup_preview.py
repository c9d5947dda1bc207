"""What a dry run tells: patterns of what is left out, and what is more than the backup holds."""

from pathlib import Path

import pytest

from agent.backup.preview import Skipped, find_extras, matches


@pytest.mark.parametrize(
    ("path", "pattern", "is_match"),
    [
        ("/w/data/a.bin", "/w/data/*.bin", True),
        ("/w/data/a.bin/inside", "/w/data/*.bin", True),
        ("/w/data/a.txt", "/w/data/*.bin", False),
        ("/w/data", "/w/data/*.bin", False),
        ("/w/deep/er/a.bin", "/w/**/*.bin", True),
        ("/w/a*b", "/w/a\\*b", True),
        ("/w/aab", "/w/a\\*b", False),
    ],
)
def test_patterns_are_read_as_restic_does(path: str, pattern: str, is_match: bool) -> None:
    assert matches(Path(path), pattern) is is_match


def test_the_last_pattern_decides() -> None:
    skipped = Skipped([Path("/state")], ["/w/a/*", "!/w/a/b"])
    assert Path("/w/a/c") in skipped
    assert Path("/w/a/b") not in skipped
    assert Path("/state") in skipped


def test_extras_leave_out_caches_and_follow_no_link(tmp_path: Path) -> None:
    for name in ("known", "more/file", "cache/CACHEDIR.TAG", "cache/content"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("more")
    known = {str(tmp_path / "known"), str(tmp_path / "cache/CACHEDIR.TAG")}
    found = find_extras(tmp_path, known, Skipped([], []))
    assert [str(path.relative_to(tmp_path)) for path in found] == ["link", "more/file"]
