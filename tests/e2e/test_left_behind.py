"""What our scripts leave behind in a clone, whatever the umask of who calls them."""

import os
import shutil
import stat
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.clones import TOP, copy_tree
from tests.worlds.containers import QUIET

OPEN = (".cache", ".venv")
"""Read by tests that run as other users, and by who typed `sudo make`."""
PRIVATE = ".dev8"
"""Holds the key that opens the workspace."""


def call(clone: Path, umask: str, *words: str, **variables: str) -> None:
    """Run a command in a clone at a umask; it must succeed."""
    done = subprocess.run(
        ["sh", "-euc", f'umask {umask}; exec "$@"', "sh", *words],
        cwd=clone, env=os.environ | QUIET | variables, check=False, text=True, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module", params=["022", "027", "077"])
def clone(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A clone in which a newcomer typed `make up`, `make down` and what `make test` begins with."""
    folder = Path(tempfile.mkdtemp(prefix="clone-"))
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    variables = {"IMAGE": "base", "CONTAINER": name}
    copy_tree(folder)
    # A venv of two packages takes seconds.
    shutil.copy(TOP / "requirements/build.txt", folder / "requirements/dev.txt")
    try:
        call(folder, request.param, "make", "up", **variables)
        call(folder, request.param, "make", "down", **variables)
        fetch_only_restic(folder)
        for script in ("venv.sh", "programs.sh"):
            call(folder, request.param, f"scripts/{script}")
        yield folder
    finally:
        call(folder, request.param, "make", "clean", **variables)
        shutil.rmtree(folder)


def fetch_only_restic(clone: Path) -> None:
    """Let the other programs of the tests count as fetched: they take a minute."""
    programs = clone / ".cache/programs"
    programs.mkdir()
    for stamp in (TOP / ".cache/programs").glob("*.made-from"):
        if not stamp.name.startswith("restic"):
            shutil.copy(stamp, programs)


def find_closed(folder: Path) -> list[Path]:
    """Return what others cannot read, or cannot enter."""
    wanted = {path: 0o005 if path.is_dir() else 0o004 for path in (folder, *folder.rglob("*"))}
    return [
        path
        for path, bits in wanted.items()
        if not path.is_symlink() and path.lstat().st_mode & bits != bits
    ]


@pytest.mark.parametrize("name", OPEN)
def test_what_other_users_need_is_open(clone: Path, name: str) -> None:
    assert (clone / name).is_dir()
    assert find_closed(clone / name) == []


def test_nobody_else_can_write_any_of_it(clone: Path) -> None:
    paths = [path for name in (*OPEN, PRIVATE) for path in (clone / name).rglob("*")]
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_symlink()}
    assert [path for path, mode in modes.items() if mode & 0o022] == []


def test_the_key_is_private(clone: Path) -> None:
    assert stat.S_IMODE((clone / PRIVATE).stat().st_mode) == 0o700
    assert stat.S_IMODE((clone / PRIVATE / "ssh/id_ed25519").stat().st_mode) == 0o600


def test_a_cache_that_an_older_version_closed_is_opened(clone: Path) -> None:
    (clone / ".cache").chmod(0o700)
    call(clone, "077", "scripts/venv.sh")
    assert find_closed(clone / ".cache") == []
