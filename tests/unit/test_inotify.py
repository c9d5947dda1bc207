"""Whoever sleeps until a folder changes misses nothing, also of a folder that is not there yet."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.machine.storage.inotify import Changes

LONG = 20.0
"""Seconds that nobody waits where something has changed."""


@pytest.fixture
def changes(tmp_path: Path) -> Iterator[Changes]:
    with closing(Changes((tmp_path, tmp_path / "inner"))) as made:
        yield made


def wait(changes: Changes) -> None:
    began = time.monotonic()
    changes.wait(LONG)
    assert time.monotonic() - began < LONG / 2


def test_a_file_in_a_new_folder_is_a_change_from_the_first_look_on(
    changes: Changes, tmp_path: Path
) -> None:
    """It may be made right after its folder, while the reader still looks."""
    comes = threading.Timer(0.1, (tmp_path / "inner").mkdir)
    comes.start()
    wait(changes)
    comes.join()
    (tmp_path / "inner/file").touch()
    wait(changes)


def test_nothing_is_a_change_where_nothing_happens(changes: Changes) -> None:
    began = time.monotonic()
    changes.wait(0.05)
    assert time.monotonic() - began >= 0.04
    assert not changes.is_blind


def test_it_says_when_it_cannot_see(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with closing(Changes((tmp_path / "file/inner",))) as made:
        assert made.is_blind
