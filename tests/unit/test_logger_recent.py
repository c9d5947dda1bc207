"""The newest lines of the log, which the workspace page shows."""

import json
import os
import stat
from pathlib import Path

from agent.init.logger.output import Output
from agent.init.logger.recent import SIZE, Recent
from agent.machine.light.log import make_event
from agent.machine.light.runtime import LOG


def read(folder: Path) -> bytes:
    files = (folder / LOG / name for name in ("recent.1", "recent"))
    return b"".join(path.read_bytes() for path in files if path.exists())


def test_what_was_written_is_kept_for_the_owner_alone(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    output = Output(writer, "json", "info", Recent(str(tmp_path)).add)
    for record in output.make_records(make_event("web", "info", "hello")):
        output.add(record)
    assert not (tmp_path / LOG).exists()
    output.write()
    assert read(tmp_path) == os.read(reader, 4096)
    assert json.loads(read(tmp_path))["message"] == "hello"
    assert stat.S_IMODE((tmp_path / LOG).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / LOG / "recent").stat().st_mode) == 0o600


def test_it_is_bounded_and_never_less_than_one_file(tmp_path: Path) -> None:
    recent, lines = Recent(str(tmp_path)), 10_000
    for number in range(lines):
        recent.add(b"%04d %s\n" % (number, b"z" * 90))
        if number * 96 > SIZE:
            assert SIZE <= len(read(tmp_path)) <= 2 * SIZE + 96
    numbers = [int(line[:4]) for line in read(tmp_path).splitlines()]
    assert numbers == list(range(numbers[0], lines)), "nothing is missing between the files"


def test_the_next_log_process_goes_on(tmp_path: Path) -> None:
    Recent(str(tmp_path)).add(b"one\n")
    Recent(str(tmp_path)).add(b"two\n")
    assert read(tmp_path) == b"one\ntwo\n"


def test_where_it_cannot_be_kept_the_log_goes_on_and_says_so_once(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("no folder")
    reader, writer = os.pipe()
    output = Output(writer, "json", "info", Recent(str(tmp_path)).add)
    for text in ("one", "two", "three"):
        for record in output.make_records(make_event("web", "info", text)):
            output.add(record)
        output.write()
    output.write()
    said = [json.loads(line) for line in os.read(reader, 65536).splitlines()]
    assert [(event["source"], event["level"]) for event in said] == [
        ("web", "info"), ("log", "warning"), ("web", "info"), ("web", "info")
    ]  # fmt: skip
    assert said[1]["message"] == f"cannot keep the log in {tmp_path / LOG / 'recent'}: File exists"


def test_it_is_kept_again_once_that_is_possible(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("no folder")
    recent = Recent(str(tmp_path))
    assert recent.add(b"one\n")
    (tmp_path / LOG).unlink()
    assert recent.add(b"two\n") == recent.add(b"three\n") == ""
    assert read(tmp_path) == b"two\nthree\n"
    (tmp_path / LOG / "recent").unlink()  # somebody has cleaned up
    assert "No such file" in recent.add(b"z" * SIZE)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    (tmp_path / LOG / "recent").symlink_to(tmp_path / "mine")
    Recent(str(tmp_path)).add(b"one\n")
    assert not (tmp_path / "mine").exists()
