"""How tests share the machine: groups stay together, and most workers begin at the end."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).parents[2]


SUITE = """
import os
import pytest

@pytest.mark.xdist_group("one box")
@pytest.mark.parametrize("number", range(8))
def test_in_a_group(number):
    print("group ran on", os.environ["PYTEST_XDIST_WORKER"])

@pytest.mark.parametrize("number", range(8))
def test_alone(number):
    print(number, "ran on", os.environ["PYTEST_XDIST_WORKER"])
"""


def test_a_group_runs_on_one_worker_and_most_workers_begin_at_the_end(tmp_path: Path) -> None:
    """With this pytest and this xdist: the standard way of doing it breaks with some."""
    worlds = (
        "__init__", "archives", "containers", "held_folders", "needs", "side_by_side", "waiting",
    )  # fmt: skip
    for name in ("__init__", "conftest", *(f"worlds/{world}" for world in worlds)):
        (tmp_path / f"tests/{name}.py").parent.mkdir(parents=True, exist_ok=True)
        source = TOP / f"tests/{name}.py"
        (tmp_path / f"tests/{name}.py").write_text(source.read_text() if source.exists() else "")
    (tmp_path / "tests/unit").mkdir()
    (tmp_path / "tests/unit/test_group.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n4", "-rP", "--import-mode=importlib", "-p",
         "no:cacheprovider", "tests"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    of_group = re.findall(r"(?m)^group ran on (gw\d)$", done.stdout)
    assert len(of_group) == 8, done.stdout + done.stderr
    assert len(set(of_group)) == 1
    last = re.findall(r"(?m)^[567] ran on (gw\d)$", done.stdout)
    assert len({*of_group, *last}) == 4, done.stdout


BEGIN = """
from tests.worlds.side_by_side import make_shared_folder
print(make_shared_folder(), flush=True)
input()
"""


@contextmanager
def begun(folder: Path) -> Iterator[Path]:
    """A run whose temporary files are in this folder; yields what its workers share."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN], cwd=TOP, env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        yield Path(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def test_what_a_killed_run_has_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Saved images are in it, of gigabytes. A run that still lives keeps its own."""
    with begun(tmp_path) as first:
        (first / "image.tar").touch()
        with begun(tmp_path) as second:
            assert first.exists()
            assert second.exists()
            assert second.stat().st_mode & 0o777 == 0o700
    with begun(tmp_path) as third:
        assert list(tmp_path.iterdir()) == [third]
