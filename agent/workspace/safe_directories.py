"""Which repositories of the workspace git has to trust: `docs/decisions/safe-directory.md`.

The configuration of a repository can name commands, which already `git status` runs.
"""

import contextlib
import os
import shlex
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.programs import external_commands
from agent.machine.storage.mountinfo import TABLE, read_mounts
from agent.machine.system import Facts

DEPTH = 3
"""Folders below a mount in which a repository is looked for, as in github.com/octo/demo."""
MOST = 500
"""Folders of one mount that are looked at: this happens before the workspace is ready."""
ENTRIES = 10_000
"""Names that are read in these folders, which takes 5 ms: a start with 200,000 files in the
workspace takes no longer than one with 10."""
PASSED_OVER = frozenset({"node_modules"})
PATIENCE = 2.0
"""Seconds that a mount below the workspace may take to answer."""


def find_trusted(workspace: Path, facts: Facts) -> tuple[list[Path], list[Problem]]:
    """Return the folders that git has to trust, and what it will refuse.

    The owner of a mount came with the container: what belongs to him there, to root or to us may
    run its commands. Whoever else owns a repository may have planted it.
    """
    trusted: list[Path] = []
    refused: list[Path] = []
    top = Path(os.path.realpath(workspace))  # git compares real paths
    mounts = list_mounts(top)
    for root in (top, *(mount for mount in mounts if _answers(mount, facts))):
        allowed = {facts.uid, 0} | _find_owner(root)
        for folder, owners in list_repositories(root, mounts):
            if not owners <= allowed:
                refused.append(folder)
            elif owners != {facts.uid}:
                trusted.append(folder)
    return sorted(trusted), _explain(sorted(refused))


def list_mounts(top: Path) -> list[Path]:
    """Return what is mounted below a folder."""
    try:
        places = {mount.point for mount in read_mounts(TABLE)}
    except OSError:
        return []
    return sorted(place for place in places if top in place.parents)


def list_repositories(root: Path, mounts: Sequence[Path]) -> Iterator[tuple[Path, set[int]]]:
    """Yield a mount, if it can be entered, and the repositories below it, each with its owners.

    Neither links are followed nor other mounts entered; nothing is looked for in a repository.
    """
    waiting = deque([(root, 0)] if os.access(root, os.X_OK) else [])
    budget = iter(range(ENTRIES))
    for _ in range(MOST):
        if not waiting:
            return
        folder, depth = waiting.popleft()
        repository = folder / ".git"
        owners = _find_owner(repository)
        if owners or folder == root:
            yield folder, _find_owner(folder) | owners
        if not owners and depth < DEPTH:
            inner = (part for part in _list_folders(folder, budget) if part not in mounts)
            waiting += ((part, depth + 1) for part in inner)


def _find_owner(path: Path) -> set[int]:
    """Return the uids of what is there and of what it links to; none where there is nothing."""
    try:
        owners = {path.lstat().st_uid}
    except OSError:
        return set()
    with contextlib.suppress(OSError):
        owners.add(path.stat().st_uid)
    return owners


def _list_folders(folder: Path, budget: Iterator[int]) -> list[Path]:
    """Return the folders in one, as far as the budget, one a name, is not used up."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for _, entry in zip(budget, islice(entries, MOST), strict=False)
                if entry.name not in PASSED_OVER and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return []


def _answers(mount: Path, facts: Facts) -> bool:
    """Tell whether a mount can be looked at: that of a server that is gone may hang for ever."""
    asked = ("test", "-d", os.fspath(mount))
    return external_commands.run(asked, facts.environ, timeout=PATIENCE).returncode == 0


def _explain(refused: Sequence[Path]) -> list[Problem]:
    if not refused:
        return []
    first, more = refused[0], f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
    command = f"git config --global --add safe.directory {shlex.quote(str(first))}"
    return [
        Problem(
            f"git may refuse {first}{more}: its .git belongs to another uid and can name commands "
            "to run",
            f"if you trust it: {command}",
            level="info",
        )
    ]
