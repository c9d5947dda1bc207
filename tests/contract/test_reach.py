"""What a run says at once in a clone that other users cannot read, where tests run as one."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.clones import close_to_others, copy_tree
from tests.worlds.needs import need, need_other_users

CI = {"CI": "true"}


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy in a folder that is open to all; not in pytest's own, which is closed."""
    need(os.getuid() == 0, "needs root")
    need_other_users()
    parent = Path(tempfile.mkdtemp(prefix="reach-"))
    parent.chmod(0o755)
    (parent / "clone").mkdir()
    yield copy_tree(parent / "clone")
    shutil.rmtree(parent)


def call(script: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [script, *words], env=os.environ | variables, check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip


def test_a_clone_that_is_open_is_fine(clone: Path) -> None:
    done = call(clone / "scripts/reach.sh")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", [".ci/run", "scripts/test.sh", "scripts/reach.sh"])
def test_a_closed_folder_above_is_one_line_and_the_advice_works(clone: Path, script: str) -> None:
    clone.parent.chmod(0o700)
    done = call(clone / script, **CI)
    advice = f"chmod o+x {clone.parent}"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: tests cannot run as another user: others may not enter {clone.parent}"
        f" ({advice}, or clone into a folder that is open to all)\n"
    )
    assert not (clone / ".cache").exists(), "nothing was done before"
    subprocess.run(advice.split(), check=True)
    assert call(clone / "scripts/reach.sh").returncode == 0


def test_a_machine_that_is_thrown_away_can_be_opened(clone: Path) -> None:
    """As that of a hosted runner, whose home is closed."""
    clone.parent.chmod(0o700)
    clone.chmod(0o700)
    done = call(clone / "scripts/reach.sh", "open")
    assert done.returncode == 0, done.stderr
    assert (clone.parent.stat().st_mode & 0o777, clone.stat().st_mode & 0o777) == (0o701, 0o701)
    assert call(clone / "scripts/reach.sh").returncode == 0


def test_a_clone_made_at_umask_077_is_one_line(clone: Path) -> None:
    close_to_others(clone)
    done = call(clone / "scripts/test.sh", **CI)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"others may not read {clone}/agent" in line
    assert line.endswith("(umask 022, and clone again)")


def test_elsewhere_than_in_ci_such_tests_are_skipped_with_that_reason(clone: Path) -> None:
    clone.parent.chmod(0o700)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-k", "unprivileged", "tests/contract/test_steps.py"],
        cwd=clone, env=os.environ | {"CI": ""}, check=False, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert f"others may not enter {clone.parent} (chmod o+x {clone.parent}, or" in done.stdout
    assert " passed" not in done.stdout
