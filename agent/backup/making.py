"""The making of a repository, of which several containers may think at the same moment.

`restic init` is not exclusive: two of them leave two keys, one of which does not open the config,
and whoever happens on that one finds the repository damaged. So a local one is made beside, and
renamed. Object stores offer restic nothing like it: there, everybody waits a while after the making
and then looks whether it opens; a key that does not belong to it is removed.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from agent.backup import folders
from agent.errors import Problem
from agent.follow import Finished
from agent.reasons import explain
from agent.restic import Code, Restic, ResticError

SETTLE = 4.0
"""Seconds in which another one that also found no repository has made its own: restic takes half a
second of processor for it."""
TRIES = 5
MISMATCH = re.compile(r"config or key ([0-9a-f]{64}) is damaged")
HEX = "0123456789abcdef"


def make_repository(restic: Restic) -> None:
    """Make the repository, or find the one that another container has just made.

    Raises ResticError.
    """
    if restic.target.folder:
        _make_folder(restic, restic.target.folder)
    else:
        _make_remote(restic)


# --- a folder -----------------------------------------------------------------------------------


def _make_folder(restic: Restic, folder: Path) -> None:
    """Make it beside and rename it: whoever is first wins, and all others find it complete."""
    doing = f"make a repository on {restic.target.name}"
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _removing(beside):
            restic.elsewhere(str(beside)).check(doing, "init", "--json")
            _put_in_place(beside, folder)
            return
    except ResticError as error:
        if "permission denied" not in error.finished.words:
            raise
    except OSError:
        pass  # a mount point cannot be replaced, or others may not write beside
    _make_inside(restic, doing, folder)


def _put_in_place(beside: Path, folder: Path) -> None:
    """Rename a repository, unless there is one. Raises OSError when that cannot be."""
    for _ in range(TRIES):
        try:
            beside.rename(folder)
        except OSError:
            if (folder / "config").exists():
                return  # another one was first
            if not folder.is_dir() or _holds_backups(folder) or os.path.ismount(folder):
                raise
            folder.rename(folder.with_name(f"{folder.name}.unfinished-{secrets.token_hex(4)}"))
        else:
            return


def _holds_backups(folder: Path) -> bool:
    return any(
        path.is_file() for name in ("snapshots", "data") for path in folder.glob(f"{name}/**/*")
    )


def _make_inside(restic: Restic, doing: str, folder: Path) -> None:
    """Make it in its folder, one after another, where the file system has locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        problem = Problem(f"cannot {doing}: {folder}: {error.strerror}")
        raise ResticError(problem, Finished(Code.FAILED)) from error
    try:
        with contextlib.suppress(OSError):  # NFS without a lock service
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if not (folder / "config").exists():
            restic.check(doing, "init", "--json")
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _removing(folder: Path) -> Iterator[None]:
    """Leave nothing of this folder behind."""
    try:
        yield
    finally:
        if folder.exists():
            with contextlib.suppress(OSError):
                folders.remove_tree(folder)


# --- behind a network ---------------------------------------------------------------------------


def _make_remote(restic: Restic) -> None:
    """Make it, wait until all who began at the same moment are done, and see that it opens."""
    doing = f"make a repository on {restic.target.name}"
    made = restic.run("init", "--json")
    if made.code != Code.OK and "already" not in made.words:
        raise ResticError(explain(doing, restic.target, made), made)
    for _ in range(TRIES):
        time.sleep(SETTLE)
        found = restic.run("cat", "config", "--no-lock", "--quiet")
        if found.code == Code.OK:
            if count_keys(restic) == 1:
                return
            drop_wrong_keys(restic)
        elif MISMATCH.search(found.words):
            drop_wrong_keys(restic)
    if found.code != Code.OK:
        failed = made if found.code == Code.NO_REPOSITORY and made.code != Code.OK else found
        raise ResticError(explain(doing, restic.target, failed), failed)


def count_keys(restic: Restic) -> int:
    """Return how many passwords the repository has. Raises ResticError."""
    doing = f"list the passwords of {restic.target.name}"
    return len(json.loads(restic.check(doing, "key", "list", "--json", "--no-lock").output or "[]"))


def is_mismatched(finished: Finished) -> bool:
    """Tell whether a repository did not open since a key in it does not belong to its config."""
    return bool(MISMATCH.search(finished.words))


def drop_wrong_keys(restic: Restic) -> Problem | None:
    """Remove the keys of this password that do not belong to the config, if another does.

    Two makers at once leave such. Only where nothing is backed up that those keys may be needed
    for; otherwise, and where no key opens the config, it is returned what is wrong.
    """
    good = _find_good(restic)
    place = f"the repository at {restic.target.repository}"
    if not good:
        return Problem(
            f"{place} does not open: none of its keys belongs to its config",
            "if no backup in it is needed, remove what is there; `devcopilot backup create` makes "
            "a new one",
        )
    opened = restic.with_words("--key-hint", good)
    try:
        listing = opened.list_snapshots()
    except ResticError as error:
        return error.problem
    if listing.damaged:
        return Problem(
            f"{place} was made twice at once, and holds backups of both",
            "name another folder for one of the two workspaces; then remove what is there",
        )
    for wrong in _find_wrong(restic, opened):
        removed = opened.run("key", "remove", wrong)
        if removed.code != Code.OK:
            return explain(f"remove a key of {restic.target.name}", restic.target, removed)
    return None


def _find_good(restic: Restic) -> str:
    """Return the beginning of the id of a key that opens the config; empty: there is none.

    restic tries the key of a hint first, and takes the beginning of an id for it.
    """
    return next((hint for hint in HEX if _opens(restic.with_words("--key-hint", hint))), "")


def _opens(restic: Restic) -> bool:
    return restic.run("cat", "config", "--no-lock", "--quiet").code == Code.OK


def _find_wrong(restic: Restic, opened: Restic) -> Iterator[str]:
    """Yield the ids of the keys that decrypt with this password, but not the config."""
    doing = f"list the passwords of {restic.target.name}"
    rows = json.loads(opened.check(doing, "key", "list", "--json", "--no-lock").output or "[]")
    for row in rows:
        found = restic.with_words("--key-hint", row["id"]).run("cat", "config", "--no-lock", "-q")
        match = MISMATCH.search(found.words)
        if match and match[1].startswith(row["id"]):
            yield row["id"]
