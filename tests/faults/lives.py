"""A whole life of the agent, all its jobs and units included, in a namespace that tests can break.

`devcopilot run` is PID 1 of a PID namespace, as an unprivileged user, with a mount namespace in
which its folders are small disks. What an image brings besides, code-server above all, is missing.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.life import LOST, Life
from tests.pid1.boxes import BLOCKED, ENVIRONMENT, PYTHON, Box, Namespace, give
from tests.worlds import git_host
from tests.worlds.bound import become
from tests.worlds.containers import find_free_port
from tests.worlds.held_folders import held_folder
from tests.worlds.needs import need
from tests.worlds.quick_key import place_repository

USER = 54321
"""Nobody else's: its processes can be limited."""
PLAIN = ("unshare", "--fork", "--pid", "--mount", "--mount-proc", "--kill-child")
AS_USER = become(USER)
HOME = 'mount -t tmpfs -o size=64m,nr_inodes=20000,mode=0777 tmpfs "$1/home"'
DISK = 'mount -t tmpfs -o size=8m,nr_inodes=4000,mode=0777 tmpfs "$1/disk"'
GO = 'shift && exec "$@"'
LEAN = {"DEV8_REPOSITORIES": "", "DEV8_DOTFILES": "", "DEV8_ON_CREATE": "", "DEV8_ON_START": "",
        "DEV8_ON_STOP": "", "BACKUP_DIR": "", "DEV8_IDLE_TIMEOUT": "off"}  # fmt: skip
"""Variables of a life with the services, and with no unit and few jobs."""
TOKEN = "ghp_" + "f" * 36
PASSWORD = "a password of a test"
ATTACH = '{"postAttachCommand": "sleep 0.3"}'


def make_environment(folder: Path, origin: str, page: int) -> dict[str, str]:
    """Return variables that have every job and every unit run."""
    return {
        **ENVIRONMENT, "PATH": os.environ["PATH"],
        "HOME": str(folder / "home/user"), "WORKSPACE_DIR": str(folder / "home/work"),
        "DEV8_RUNTIME_DIR": str(folder / "disk/run"), "DEV8_SERVICES_DIR": str(folder / "d"),
        "DEV8_LOG_FORMAT": "json", "DEV8_LOG_LEVEL": "info", "DEV8_SSH": "false",
        "DEV8_CODE_SERVER": "false", "DEV8_AI_TOOLS": "off",
        "DEV8_GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_TOKEN": TOKEN,
        "DEV8_REPOSITORIES": f"{origin}/octo/demo", "DEV8_DOTFILES": f"{folder}/dots",
        "DEV8_ON_CREATE": "sh -c 'sleep 0.1'", "DEV8_ON_START": "sh -c 'sleep 0.1'",
        "DEV8_ON_STOP": "true", "DEV8_TRUST": "trusted", "DEV8_METRICS_ADDRESS": str(page),
        "BACKUP_DIR": str(folder / "backups"), "DEV8_BACKUP_PASSWORD": PASSWORD,
        "DEV8_IDLE_TIMEOUT": "4h", "DEV8_IDLE_ACTION": "true",
    }  # fmt: skip


SERVICES = ("one", "two", "three")
"""The first is essential."""
EXECED = ("HOME", "PATH", "DEV8_RUNTIME_DIR")
"""Variables of what is started beside a life."""


STOPPED = 60.0
"""Seconds after which a stop counts as lost: one that is lost never ends, and on a busy machine it
takes longer than the eight that it may."""


@dataclass(frozen=True)
class Ground:
    """What a life finds where it begins; further lives may follow."""

    folder: Path
    origin: str
    """Address of the host of its repository."""


def add_service(folder: Path, name: str, script: str, *, essential: bool = False) -> None:
    """Add a service of the user's own."""
    words = json.dumps(["sh", "-c", script])
    text = f"command = {words}\nessential = {str(essential).lower()}\n"
    text += 'probe = { command = ["true"] }\n'
    (folder / "d" / f"{name}.toml").write_text(text)


PREFIX = "life-"


@contextmanager
def laid_ground() -> Iterator[Ground]:
    """Make what a life finds: disks to mount on, a repository, dotfiles, three services."""
    need(os.getuid() == 0, "only root can make small disks and limit a user")
    with held_folder(PREFIX) as folder:
        yield from lay_ground(folder)


def lay_ground(folder: Path) -> Iterator[Ground]:
    """Yield the ground once it is made in this folder."""
    for name in ("home", "disk", "d", "backups"):
        (folder / name).mkdir()
    (folder / "dots").mkdir()
    (folder / "dots/install.sh").write_text("#!/bin/sh\nexit 0\n")
    (folder / "dots/install.sh").chmod(0o755)
    for number, name in enumerate(SERVICES, 100_001):
        script = f"echo begun {name}; exec sleep {number}"
        add_service(folder, name, script, essential=name == "one")
    add_service(folder, LOST, "exit 1")
    (folder / "password").write_text(PASSWORD)
    place_repository(folder / "backups/workspace", folder / "password")
    os.chown(folder, USER, USER)
    give(folder)
    with git_host.serve(folder / "host") as host:
        host.add("octo/demo", {".devcontainer/devcontainer.json": ATTACH, "README.md": "a demo\n"})
        yield Ground(folder, host.url)


@contextmanager
def living(
    ground: Ground,
    *,
    variables: Mapping[str, str] | None = None,
    before: str = HOME,
    way: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Life]:
    """Start a life on this ground.

    `before` is what root does first, in a shell: without HOME it stays for the next life.
    `way` is put before that, `options` are the box's.
    """
    folder, page = ground.folder, find_free_port()
    places = f"mkdir -p {folder}/home/user {folder}/home/work"
    words = (
        *PLAIN, *way, "sh", "-c", f"{before} && {DISK} && {GO}", "sh", str(folder), *AS_USER,
        "sh", "-c", f'{places} && exec "$@"', "sh",
    )  # fmt: skip
    program = (*BLOCKED, *PYTHON, "-m", "agent", "run", "--", *command)
    environment = {**make_environment(folder, ground.origin, page), **(variables or {})}
    box = Box(Namespace(words, USER), folder, program, environment=environment, **options)
    box.deadline = STOPPED
    try:
        yield Life(
            folder,
            box,
            page,
            environment["DEV8_RUNTIME_DIR"],
            USER,
            (*PYTHON, "-m", "agent"),
            {**ENVIRONMENT, **{name: environment[name] for name in EXECED}},
        )
    finally:
        box.close()
