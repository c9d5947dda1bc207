"""What a killed run leaves in the folder for temporary files, and who removes it."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.worlds.held_folders import HELD, held_folder, remove_abandoned

TOP = Path(__file__).resolve().parents[2]
RUN = """
import sys
from tests.worlds.held_folders import held_folder
with held_folder("life-") as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def start_run() -> "tuple[subprocess.Popen[str], Path]":
    """Start a run that holds a folder."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert run.stdout
    return run, Path(run.stdout.readline().strip())


def test_a_folder_goes_with_its_run_also_after_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), held_folder("life-") as folder:
        (folder / "file").touch()
        assert folder.stat().st_mode & 0o777 == 0o755
        raise KeyboardInterrupt
    assert not folder.exists()


def test_the_next_run_removes_what_a_killed_one_has_left(temporary: Path) -> None:
    killed, left = start_run()
    other, in_use = start_run()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.exists()
    with held_folder("life-") as own:
        assert sorted(temporary.iterdir()) == sorted([own, in_use])
    other.communicate()
    assert list(temporary.iterdir()) == []


def test_folders_of_others_stay(temporary: Path) -> None:
    (temporary / "life-of-brian").mkdir()
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / HELD).touch()
    (temporary / "life-link").symlink_to(elsewhere)
    (temporary / "life-file").touch()
    remove_abandoned(temporary, "life-")
    assert len(list(temporary.iterdir())) == 4
    assert (elsewhere / HELD).exists()
