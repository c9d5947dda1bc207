"""Folders that are being filled: whoever is killed leaves none for ever."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.machine.storage import folders
from tests.worlds.programs import Awaited

FILL = """
import pathlib, sys
from agent.machine.storage import folders
with folders.stage(pathlib.Path(sys.argv[1]), "new", pathlib.Path(sys.argv[2])) as place:
    (place / "tree").mkdir()
    print(place, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_program_has_left_is_removed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Awaited([sys.executable, "-c", FILL, tmp_path / "there", state], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout
        place = Path(process.stdout.readline().strip())
        folders.remove_left(state)
        assert (place / "tree").is_dir(), "it is in use"
        assert (place / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f")
        process.kill()
    assert place.is_dir()
    with folders.stage(tmp_path / "elsewhere", "other", state):
        assert not place.exists()
    assert list((state / folders.STAGES).iterdir()) == []


def test_only_such_folders_are_removed(tmp_path: Path) -> None:
    mine = tmp_path / "mine.partial-1"
    mine.mkdir()
    notes = tmp_path / "state" / folders.STAGES
    notes.mkdir(parents=True)
    (notes / "mine.partial-1").symlink_to(mine)
    (notes / "other.partial-2").symlink_to(tmp_path)
    (notes / "gone.partial-3").symlink_to(tmp_path / "gone.partial-3")
    folders.remove_left(tmp_path / "state")
    assert mine.is_dir()
    assert not (notes / "gone.partial-3").is_symlink()


def test_a_state_folder_that_takes_nothing_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with folders.stage(tmp_path / "there", "new", tmp_path / "state") as place:
        (place / "closed").mkdir(mode=0o500)
    assert list((tmp_path / "there").iterdir()) == []
    with pytest.raises(ZeroDivisionError), folders.stage(tmp_path, "new", tmp_path) as place:
        raise ZeroDivisionError
    assert not place.exists()
