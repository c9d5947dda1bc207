"""Reading what somebody else may have put there."""

import os
from pathlib import Path

import pytest

from agent.machine.light.files import read_file

LIMIT = 4096


@pytest.mark.parametrize("size", [0, 1, LIMIT])
def test_what_fits_is_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    (tmp_path / "link").symlink_to(path)
    assert read_file(tmp_path / "link", LIMIT) == b"x" * size


def test_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(OSError, match="it is larger than 4 KiB"):
        read_file(path, LIMIT)


def test_a_sparse_file_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 4 << 30)
    with pytest.raises(OSError, match="it is larger than"):
        read_file(path, LIMIT)


def test_a_file_that_tells_no_size_is_read_to_the_limit() -> None:
    assert read_file("/proc/self/stat", LIMIT)
    with pytest.raises(OSError, match="it is larger than 0 KiB"):
        read_file("/proc/self/stat", 10)


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null"])
def test_a_link_to_a_device_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path / "link", LIMIT)


def test_a_pipe_and_a_folder_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        read_file(tmp_path / "pipe", LIMIT)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, LIMIT)


def test_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (LIMIT + 1))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, tmp_path / "big", Path("/proc/self/stat")):
        try:
            read_file(path, LIMIT)
        except OSError:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before
