"""git's own format of settings, and the agent's files in it."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.lines import find_last_line
from agent.machine.light.files import STATE
from agent.machine.places import find_xdg
from agent.machine.system import Facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import CompletedProcess

DEFAULTS = "gitconfig"
"""In the folder that the image's /etc/gitconfig names."""
SIGNING = "gitconfig-signing"
"""Beside it, which includes it; of the signing step, and often not there."""
SYSTEM = "gitconfig-system"
"""Beside it where that folder is another: what stands in for the image's /etc/gitconfig."""


def find_unreadable(facts: Facts) -> Problem | None:
    """Return what is wrong with a file of the user's that git would fail at, or wait for.

    git opens whatever has the name: a pipe, a folder, a device.
    """
    for path in find_own_files(facts):
        if fault := find_fault(path, facts):
            return Problem(
                f"cannot read {path}: {fault}", "git cannot read it either: fix it or move it away"
            )
    return None


def find_own_files(facts: Facts) -> Iterator[Path]:
    """Yield where git looks for the user's own settings: git-config(1), FILES."""
    given = facts.environ.get("GIT_CONFIG_GLOBAL")
    settings = find_xdg(facts, "XDG_CONFIG_HOME", ".config")
    usual = (settings / "git/config", facts.home / ".gitconfig")
    for path in (Path(given),) if given else usual:
        if str(path) != os.devnull:  # this is how people say that there is none
            yield path


def ask_git(facts: Facts, pattern: str, *options: str) -> list[tuple[str, str]] | Problem:
    """Return what git's configuration has under names like this, in git's order; no repository's.

    What has no value is true.
    """
    return start_asking_git(facts, pattern, *options)()


def start_asking_git(
    facts: Facts, pattern: str, *options: str
) -> Callable[[], list[tuple[str, str]] | Problem]:
    """Start to ask it; return what waits for git, and returns what `ask_git` does."""
    argv = ("git", "-C", "/", "config", *options, "--null", "--get-regexp", pattern)
    finish = facts.start(argv, limit=STATE)  # each host of ours has a kilobyte of it
    return lambda: _read_entries(finish())


def _read_entries(done: "CompletedProcess[bytes]") -> list[tuple[str, str]] | Problem:
    if done.returncode not in (0, 1):  # 1: there is nothing of the kind
        cause = find_last_line(done.stderr, f"git ended with {done.returncode}")
        return Problem(f"cannot read git's configuration: {cause}", "try: git config --list")
    entries = done.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    parts = (entry.partition("\n") for entry in entries)
    return [(name, value if line_break else "true") for name, line_break, value in parts]


def may_set(facts: Facts, names: Sequence[bytes]) -> bool:
    """Tell whether the user's own settings may have one of these names, or a part of them.

    The files must be readable. It saves a start of git where the answer is no.
    """
    contents = ((facts.read(path) or b"").lower() for path in find_own_files(facts))
    return any(name in content for content in contents for name in (*names, b"include"))


def find_fault(path: Path, facts: Facts) -> str | None:
    """Return why a file cannot be read; None: it can, or it is not there."""
    try:
        facts.read(path)
    except OSError as error:
        return error.strerror or str(error)
    return None
