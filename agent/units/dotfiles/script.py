"""Which script of the dotfiles runs, and how."""

import os
from pathlib import Path

SCRIPTS = (
    "install.sh", "install", "bootstrap.sh", "bootstrap",
    "script/bootstrap", "setup.sh", "setup", "script/setup",
)  # fmt: skip
"""The first that is there runs. Codespaces, Coder, Gitpod and the reference of devcontainers have
the same names in the same order."""


def find_script(folder: Path) -> str | None:
    """Return the name of the script, None if there is none."""
    return next((name for name in SCRIPTS if (folder / name).is_file()), None)


def make_argv(folder: Path, name: str) -> tuple[str, ...]:
    """Return how to run a script: as it says in its first line, else with sh.

    Whoever wrote it on Windows has not set the right to execute it.
    """
    path = folder / name
    with path.open("rb") as file:
        first = file.readline(256)
    if os.access(path, os.X_OK) and first[:2] in (b"#!", b"\x7fE"):
        return (f"./{name}",)
    words = first[2:].decode(errors="replace").split() if first[:2] == b"#!" else []
    return (*(words or ["/bin/sh"]), f"./{name}")
