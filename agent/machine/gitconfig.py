"""git's own format of settings, and the agent's files in it."""

import os
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.places import find_xdg
from agent.machine.system import Facts

DEFAULTS = "gitconfig"
"""In the folder that the image's /etc/gitconfig names."""
SIGNING = "gitconfig-signing"
"""Beside it, which includes it; of the signing step, and often not there."""
SYSTEM = "gitconfig-system"
"""Beside it where that folder is another: what stands in for the image's /etc/gitconfig."""


def find_unreadable(facts: Facts) -> Problem | None:
    """Return what is wrong with a file of the user's that git would fail at, or wait for.

    git opens whatever has the name: a pipe, a folder, a device. https://git-scm.com/docs/git-config#FILES
    """
    given = facts.environ.get("GIT_CONFIG_GLOBAL")
    settings = find_xdg(facts, "XDG_CONFIG_HOME", ".config")
    usual = (settings / "git/config", facts.home / ".gitconfig")
    for path in (Path(given),) if given else usual:
        if str(path) == os.devnull:  # this is how people say that there is none
            continue
        if fault := find_fault(path, facts):
            return Problem(
                f"cannot read {path}: {fault}", "git cannot read it either: fix it or move it away"
            )
    return None


def find_fault(path: Path, facts: Facts) -> str | None:
    """Return why a file cannot be read; None: it can, or it is not there."""
    try:
        facts.read(path)
    except OSError as error:
        return error.strerror or str(error)
    return None
