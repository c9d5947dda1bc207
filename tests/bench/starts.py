"""How long a start takes, and what a workspace has to begin with."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from tests.worlds.containers import MVP, Container, answers_http, answers_ssh, docker
from tests.worlds.waiting import watch_until

_MAKE_FILES = """
import os, sys
for number in range(int(sys.argv[1])):
    folder = f"/workspace/{number // 500}"
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/{number}", "w").close()
"""


def seconds_to_ide(box: Container) -> float:
    """Return how long after its start the editor answers."""
    watch_until(lambda: answers_http(box.ide_port), "the editor's answer")
    return time.monotonic() - box.started


def seconds_to_ssh(box: Container) -> float:
    """Return how long after its start ssh answers."""
    watch_until(lambda: answers_ssh(box.ssh_port), "the ssh banner")
    return time.monotonic() - box.started


@contextmanager
def volume() -> Iterator[str]:
    """Yield the name of a volume, which is removed at the end."""
    name = f"dev8-bench-{uuid.uuid4().hex[:8]}"
    try:
        yield name
    finally:
        docker("volume", "rm", "--force", name)


def fill(volume_name: str, files: int) -> None:
    """Make so many empty files in a volume that is to be a workspace."""
    mount = ("-v", f"{volume_name}:/workspace", "--entrypoint", "/opt/devcopilot/bin/python")
    docker("run", "--rm", *mount, MVP, "-c", _MAKE_FILES, str(files))
