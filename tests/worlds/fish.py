"""A real fish, which reads what the image and the agent have for it in a workspace."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.containers import DOCKER, TOOLS, Container, docker
from tests.worlds.terminals import Terminal

CONF = "/etc/fish/conf.d/devcopilot.fish"
RUNTIME = "/dev/shm/devcopilot-1000"
SCRIPTS = ("remote-env.fish", "certificates/profile.fish", "ssh/session.fish")


def run_fish(box: Container, folder: Path, script: str, *options: str) -> str:
    """Return what a login shell prints that runs `script`.

    `folder` becomes its runtime folder and gets what that of the workspace has for fish; `options`
    are the engine's. The shell has no environment of the workspace.
    """
    for name in SCRIPTS:
        copy(box, folder, name)
    options = (*prepare(box, folder), *options)
    return docker("run", *options, TOOLS, "fish", "--login", f"--command={script}")


def copy(box: Container, folder: Path, name: str) -> None:
    """Take a file of the workspace's runtime folder, if it is there."""
    found = box.call("cat", f"{RUNTIME}/{name}")
    if found.returncode == 0:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(found.stdout)


def prepare(box: Container, folder: Path) -> tuple[str, ...]:
    """Return the engine's options for a shell with what the image has for fish."""
    conf = folder / Path(CONF).name
    conf.write_text(box.execute("cat", CONF) + "\n")
    return ("--rm", "--network", "none", "--user", str(os.getuid()),
            "-v", f"{folder}:/runtime", "-v", f"{conf}:{CONF}:ro",
            "-e", "HOME=/tmp", "-e", "DEV8_RUNTIME_DIR=/runtime")  # fmt: skip


@contextmanager
def sitting_at_fish(box: Container, folder: Path, *options: str) -> Iterator[Terminal]:
    """A person who has logged in over ssh, and whose login shell is fish."""
    terminal = Terminal()
    login = ("-e", "SSH_CONNECTION=a b", "-e", "SSH_TTY=/dev/pts/0", "--workdir", "/tmp")
    client = subprocess.Popen(
        [DOCKER, "run", "-it", *prepare(box, folder), *login, *options, TOOLS, "fish", "--login"],
        stdin=terminal.theirs, stdout=terminal.theirs, stderr=terminal.theirs,
    )  # fmt: skip
    os.close(terminal.theirs)
    try:
        yield terminal
        terminal.type(b"exit\n")
        terminal.read_rest()
    finally:
        client.kill()
        client.wait()
        terminal.close()
