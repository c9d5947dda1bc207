"""Init in a PID namespace of its own, as an unprivileged user where that is possible."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pid1.boxes import NOBODY, Box, Namespace
from tests.worlds.bound import become
from tests.worlds.needs import need

PROBE = "import agent.init.supervisor, supervisor.supervisord"


def can_run(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, timeout=120, check=False).returncode == 0


@functools.cache
def find_namespace() -> Namespace | None:
    """Return the way into a PID namespace, as nobody if nobody can read this tree."""
    plain = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
    python = (sys.executable, "-I", "-c", PROBE)
    nobody = become(NOBODY)
    if can_run(*plain, *nobody, *python):
        return Namespace((*plain, *nobody), NOBODY)
    for way in (plain, (*plain, "--user", "--map-root-user")):
        if can_run(*way, *python):
            return Namespace(way, os.getuid())
    return None


@pytest.fixture(scope="session")
def namespace() -> Namespace:
    found = find_namespace()
    need(found, "PID namespaces are not permitted here")
    assert found
    return found


@pytest.fixture
def folder(namespace: Namespace) -> Iterator[Path]:
    """A folder that the user inside can write; it stands for the container's disk."""
    path = Path(tempfile.mkdtemp(prefix="pid1-"))
    path.chmod(0o755)
    os.chown(path, namespace.uid, -1)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(namespace: Namespace, folder: Path) -> Iterator[Callable[..., Box]]:
    """Start boxes; what is left of them ends with the test."""
    boxes: list[Box] = []

    def start_box(*words: str, **options: object) -> Box:
        box = Box(namespace, folder, words, **options)  # type: ignore[arg-type]
        boxes.append(box)
        return box

    yield start_box
    for box in boxes:
        box.close()
