"""A lock file tells who holds it, and nothing once nobody does."""

import fcntl
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from agent.machine.storage import holders
from tests.worlds.waiting import DEADLINE

TOP = Path(__file__).resolve().parents[2]


def open_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def test_the_holder_is_named_until_it_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not holders.is_held(path)
    first, second = open_file(path), open_file(path)
    assert holders.take(first)
    assert holders.is_held(path)
    assert holders.find_last_name(path) == ""
    holders.set_name(first, "a backup is being made")
    assert not holders.take(second)
    assert holders.find_last_name(path) == holders.get_name(second) == "a backup is being made"
    holders.set_name(first, "short")
    assert holders.find_last_name(path) == "short"
    assert holders.is_held(path)
    os.close(first)
    assert not holders.is_held(path)
    assert holders.find_last_name(path) == "short"
    assert holders.take(second)
    os.close(second)


def test_some_hold_it_together(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second, third = (open_file(path) for _ in range(3))
    assert holders.take(first, share=True)
    assert holders.take(second, share=True)
    assert not holders.take(third)
    for descriptor in (first, second, third):
        os.close(descriptor)


def test_what_is_no_lock_has_no_holder(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert not holders.is_held(path)
    assert holders.find_last_name(path) == ""


def test_who_may_open_no_further_file_does_not_say_that_nobody_is_at_work(tmp_path: Path) -> None:
    """A unit would be told as interrupted, and the workspace as idle."""
    path = tmp_path / "lock"
    path.touch()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(path, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        held, name = holders.is_held(path), holders.find_last_name(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (held, name) == (True, "")
    assert not holders.is_held(path)


LOOKER = """
import sys
from agent.machine.storage import holders
print(flush=True)
while True:
    holders.is_held(sys.argv[1])
"""


def test_whoever_only_looks_is_in_nobody_s_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look in a thousand would, and a clone would be refused as already at work."""
    monkeypatch.setattr(holders, "LOOKING", DEADLINE)
    path = tmp_path / "lock"
    wanted, held = open_file(path), open_file(path)
    looker = subprocess.Popen(
        [sys.executable, "-c", LOOKER, str(path)], cwd=TOP, stdout=subprocess.PIPE
    )
    try:
        assert looker.stdout
        looker.stdout.readline()
        for _ in range(3000):
            assert holders.take_alone(wanted)
            fcntl.flock(wanted, fcntl.LOCK_UN)
        assert holders.take_alone(held)
        assert not holders.take_alone(wanted)
    finally:
        looker.kill()
        looker.communicate()
        os.close(wanted)
        os.close(held)
