"""What the copy of init sees of the watched files."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.init import watch
from agent.init.watch import take_stamp
from tests.worlds.waiting import DEADLINE, wait_until

SCRIPT = """
import sys
from agent.init import watch
watch.LOOK = 0.01
watch.look(sys.argv[3:], int(sys.argv[1]), int(sys.argv[2]))
"""
FAR = 1 << 62
"""A moment, in ns, that no file has seen: what there is at the first look is as it was."""


class Copy:
    """A process that looks, as the copy of init does, but more often."""

    def __init__(self, *paths: Path, since: int = FAR) -> None:
        self._reader, writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        words = (str(writer), str(since), *map(str, paths))
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", SCRIPT, *words], pass_fds=[writer]
        )
        os.close(writer)
        self.seen = b""

    def read(self) -> bytes:
        """Return what it has told so far."""
        with contextlib.suppress(BlockingIOError):
            self.seen += os.read(self._reader, 100)
        return self.seen

    def wait_for(self, numbers: bytes) -> None:
        wait_until(lambda: self.read() == numbers, f"{numbers!r}")

    def close(self) -> None:
        os.close(self._reader)
        assert self.process.wait(DEADLINE) == 0, "it ends when nobody reads any more"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    yield tmp_path / "a", tmp_path / "b"


def test_each_change_is_told_by_its_number(files: tuple[Path, Path]) -> None:
    one, other = files
    one.write_text("1")
    copy = Copy(one, other, since=0)
    copy.wait_for(b"0\n")
    other.write_text("1")
    copy.wait_for(b"0\n1\n")
    (one.parent / "new").write_text("22")
    (one.parent / "new").rename(one)  # to write to it would be two changes: it is empty in between
    copy.wait_for(b"0\n1\n0\n")
    other.unlink()
    copy.wait_for(b"0\n1\n0\n1\n")
    copy.close()


def test_what_is_as_it_was_at_the_start_is_not_told(files: tuple[Path, Path]) -> None:
    one, other = files
    one.write_text("1")
    copy = Copy(one, other)

    def change_the_other() -> bytes:
        other.write_text(f"{other.read_text() if other.exists() else ''}1")
        return copy.read()

    wait_until(change_the_other, "a change is seen")
    assert set(copy.seen.split()) == {b"1"}
    copy.close()


def test_what_changed_before_the_first_look_is_told(files: tuple[Path, Path]) -> None:
    """A copy that has the processor late may look for the first time after a change."""
    one, other = files
    one.write_text("1")
    since = one.stat().st_ctime_ns + 1
    wait_until(lambda: time.clock_gettime_ns(watch.COARSE_CLOCK) >= since, "the next tick")
    other.symlink_to(one)
    copy = Copy(one, other, since=since)
    copy.wait_for(b"1\n")
    copy.close()
    one.write_text("2")
    copy = Copy(one, since=since)
    copy.wait_for(b"0\n")
    copy.close()


def test_a_stamp_tells_one_content_from_the_next(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    assert take_stamp(str(file)) is None
    file.write_text("1")
    first = take_stamp(str(file))
    link.symlink_to(file)
    assert take_stamp(str(link)) == first, "of what it leads to"
    (tmp_path / "new").write_text("1")
    (tmp_path / "new").replace(file)
    assert take_stamp(str(link)) != first, "replaced by the same words"
