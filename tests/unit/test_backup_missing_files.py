"""Which files a backup lacks, judged by what lstat says of their real names."""

import errno
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.backup.create.missing_files import find_missing
from agent.machine.programs.follow import Message

DENIED = "permission denied"
NOT_THERE = "no such file or directory"


def complain(path: Path | str, cause: str = DENIED, during: str = "archival") -> Message:
    """Return what restic says of a file: its JSON has U+FFFD for a byte that is no UTF-8."""
    item = os.fsencode(path).decode(errors="replace")
    return {
        "message_type": "error", "during": during, "item": item,
        "error": {"message": f"lstat {item}: {cause}"},
    }  # fmt: skip


def judge(
    *errors: Message, began: int = 0, closed: Mapping[Path, str] | None = None
) -> tuple[str, ...]:
    return find_missing(errors, closed or {}, began or time.time_ns())


def later() -> int:
    """Return a time before which all files of the test were made, coarse clocks considered."""
    return time.time_ns() + 10**10


def test_what_is_gone_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert judge(complain(tmp_path / "gone"), complain(tmp_path / "file/in/it")) == ()


def test_what_is_there_is_named_once_with_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "a: b"
    path.touch()
    errors = [complain(path, during="scan"), complain(path)]
    assert judge(*errors) == (f"{path}: permission denied",)


@pytest.mark.parametrize(
    "number",
    [errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ELOOP, errno.ENAMETOOLONG,
     errno.ENOTCONN, errno.ETIMEDOUT, errno.EINVAL, errno.ENXIO, errno.ENODEV, errno.EHOSTDOWN],
)  # fmt: skip
def test_whatever_else_lstat_says_is_a_fault(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> os.stat_result:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "lstat", refuse)
    cause = os.strerror(number).lower()
    assert judge(complain(tmp_path / "x", cause)) == (f"{tmp_path / 'x'}: {cause}",)


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    path = "/".join([str(tmp_path), *["x" * 200] * 25])
    assert judge(complain(path, "file name too long")) == (f"{path}: file name too long",)


@pytest.mark.parametrize("name", [b"\xff", b"a\xfe\n\x1b[31m", "\ufffd".encode(), b"\xed\xa0\x80"])
def test_names_are_looked_up_by_their_real_bytes(name: bytes, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"dir" + name)
    folder.mkdir()
    path = folder / os.fsdecode(name)
    path.touch()
    (text,) = judge(complain(path))
    assert text.endswith(": permission denied")
    path.unlink()
    assert judge(complain(path)) == ()
    folder.rmdir()
    assert judge(complain(path)) == ()


def test_a_name_in_a_folder_that_cannot_be_listed_is_no_longer_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    assert len(judge(complain(tmp_path / os.fsdecode(b"\xff")))) == 1


def test_what_vanished_and_came_back_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "index.lock").touch()
    assert judge(complain(tmp_path / "index.lock", NOT_THERE)) == ()


def test_what_was_there_all_the_time_is_a_fault_whatever_restic_saw(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    assert len(judge(complain(tmp_path / "old", NOT_THERE), began=later())) == 1


def test_what_came_back_and_was_closed_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "new").touch()
    assert len(judge(complain(tmp_path / "new"))) == 1


def test_an_error_of_no_file_is_told(tmp_path: Path) -> None:
    error = {"message_type": "error", "error": {"message": "something: else"}}
    assert judge(error) == ("something: else",)


def test_what_another_look_found_closed_counts_while_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("shut", "open"):
        (tmp_path / name).mkdir()
    real = os.scandir

    def scan(path: Path) -> "os._ScandirIterator[str]":
        if path == tmp_path / "shut":
            raise PermissionError(13, "Permission denied")
        return real(str(path))

    closed = {tmp_path / name: "Permission denied" for name in ("shut", "open", "gone")}
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scan)
        assert judge(closed=closed) == (f"{tmp_path / 'shut'}: Permission denied",)
        assert len(judge(complain(tmp_path / "shut"), closed=closed)) == 1, (
            "restic told of it already"
        )
