"""The termination message of the container."""

import os
import threading
from pathlib import Path

import pytest

from agent.init.logger.problems import MOST, Problems
from agent.machine.light import termination
from agent.machine.light.log import make_event
from tests.worlds.waiting import DEADLINE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "termination-log"
    path.touch()
    return path


def test_the_newest_message_replaces_the_one_before(path: Path) -> None:
    termination.leave(["one long line", "two"], str(path))
    termination.leave(["three"], str(path))
    assert path.read_text() == "three\n"


def test_it_is_no_longer_than_kubernetes_reads(path: Path) -> None:
    termination.leave(["first " + "ä" * termination.SIZE, "last"], str(path))
    assert termination.SIZE - 2 <= path.stat().st_size <= termination.SIZE
    assert path.read_text().endswith("ä\nlast\n")


def test_where_there_is_no_file_none_is_made(tmp_path: Path) -> None:
    termination.leave(["lost"], str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


def test_only_a_regular_file_is_written_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(mine)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = threading.Thread(target=termination.leave, args=(["lost"], str(pipe)), daemon=True)
    done.start()
    done.join(DEADLINE)
    assert not done.is_alive(), "a pipe nobody reads is not waited for"
    termination.leave(["lost"], str(link))
    termination.leave(["lost"], str(tmp_path))
    assert mine.read_text() == "precious"


def test_a_full_disk_costs_only_the_message() -> None:
    termination.leave(["lost"], "/dev/full")


def test_problems_are_dated_lines_and_the_newest_stay(path: Path) -> None:
    problems = Problems(str(path))
    problems.add(make_event("init", "info", "stopping"))
    problems.write()
    assert path.read_text() == ""
    for number in range(MOST + 1):
        event = make_event("backup", "error", f"no {number}\x1b", target="s3")
        problems.add(event)
    problems.write()
    lines = path.read_text().splitlines()
    assert len(lines) == MOST
    when = str(event["time"])[:19].replace("T", " ")
    assert lines[-1] == rf"{when} backup: error: no {MOST}\x1b target=s3"


def test_it_is_written_only_when_there_is_news(path: Path) -> None:
    problems = Problems(str(path))
    problems.add(make_event("init", "error", "lost"))
    problems.write()
    path.write_text("")
    problems.write()
    assert path.read_text() == ""
