"""Creates a repository, which several containers may do at the same moment.

`restic init` is not exclusive: two of them leave two keys, one of which does not open the config,
and whoever happens on that one finds the repository damaged. So a local one is made in a folder
within its place, and moved in; its config, which is what makes a repository of it, comes last and
only where there is none. The place itself is never replaced: others may have mounted it. Object
stores offer restic nothing like it: there, everybody waits a while after the making and then looks
whether it opens; a key that does not belong to it is removed.
"""

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from agent.backup.reasons import explain
from agent.backup.repository_keys import list_keys
from agent.backup.restic.client import Code, Restic, ResticError
from agent.machine import hints
from agent.machine.errors import Problem
from agent.machine.light.expressions import regex
from agent.machine.light.files import SECRET, read_file
from agent.machine.programs.follow import Finished
from agent.machine.storage import folders

SETTLE = 4.0
"""Seconds in which another one that also found no repository has made its own: restic takes half a
second of processor for it."""
TRIES = 5
MISMATCH = regex(r"config or key ([0-9a-f]{64}) is damaged")
HEX = "0123456789abcdef"
LONGEST_HINT = 3
LOOK = ("cat", "config", "--no-lock", "--quiet")
"""What shows whether a repository opens."""
CONFIG = "config"
"""File without which there is no repository."""


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
    """Make it within its folder and move it in: whoever is first wins, all others find it whole."""
    doing = f"make a repository on {restic.target.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f".{secrets.token_hex(4)}.new"
        with _held(folder) as alone, _removing(new):
            if (folder / CONFIG).exists():
                return
            if _holds_backups(folder):
                problem = Problem(
                    f"cannot {doing}: {folder} holds backups, but the file {CONFIG} is gone",
                    "restore it from a copy of the repository, or set another folder",
                )
                raise ResticError(problem, Finished(Code.FAILED))
            restic.elsewhere(str(new)).check(doing, "init", "--json")
            if alone:
                _set_aside(folder / "keys")
            _move_in(new, folder)
    except OSError as error:
        raise ResticError(hints.explain(error, doing), Finished(Code.FAILED)) from error


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """Let one after another in, and yield True; False: the file system has no locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # NFS without a lock service
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _set_aside(keys: Path) -> None:
    """Move away the keys of one that was killed before it had a config. Raises OSError."""
    if keys.is_dir() and any(keys.iterdir()):
        keys.rename(keys.with_name(f"keys.unfinished-{secrets.token_hex(4)}"))


def _move_in(new: Path, folder: Path) -> None:
    """Move a new repository to where it belongs, unless there is one. Raises OSError."""
    for part in filter(Path.is_dir, new.iterdir()):
        (folder / part.name).mkdir(mode=0o700, exist_ok=True)
    (key,) = (new / "keys").iterdir()
    place = folder / "keys" / key.name
    key.rename(place)
    try:
        _add_config(new / CONFIG, folder / CONFIG)
    except FileExistsError:  # somebody else was first, where there are no locks
        place.unlink()


def _add_config(new: Path, config: Path) -> None:
    """Add the config. Raises FileExistsError if there is one."""
    try:
        config.hardlink_to(new)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        content = read_file(new, SECRET)
        with config.open("xb") as file:
            file.write(content)
            os.fsync(file.fileno())


def _holds_backups(folder: Path) -> bool:
    return any(
        path.is_file() for name in ("snapshots", "data") for path in folder.glob(f"{name}/**/*")
    )


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
    if "already" not in made.words:
        restic.accept(doing, made)
    for _ in range(TRIES):
        time.sleep(SETTLE)
        found = restic.run(*LOOK)
        if found.code == Code.OK and _has_one_key(restic):
            return
        if found.code == Code.OK or is_mismatched(found):
            drop_wrong_keys(restic)
    if found.code == Code.NO_REPOSITORY:
        restic.accept(doing, made)
    restic.accept(doing, found)


def _has_one_key(restic: Restic) -> bool:
    """Tell whether a repository that opened has one key: of two, restic tries either first."""
    try:
        return len(list_keys(restic)) == 1
    except ResticError as error:
        if not is_mismatched(error.finished):
            raise
        return False


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
            "if you need no backup in it, delete its files; `devcopilot backup create` makes "
            "a new one",
        )
    opened = restic.with_words("--key-hint", good)
    try:
        listing = opened.list_snapshots()
    except ResticError as error:
        return error.problem
    if listing.damaged:
        return Problem(
            f"two workspaces created {place} at once, and it holds backups of both",
            "set another folder for one of them, then delete this one",
        )
    for wrong in _find_wrong(restic, opened):
        removed = opened.run("key", "remove", wrong)
        if removed.code != Code.OK:
            return explain(f"remove a key of {restic.target.name}", restic.target, removed)
    return None


def _find_good(restic: Restic) -> str:
    """Return the beginning of the id of a key that opens the config; empty: there is none.

    restic tries the key of a hint first, and takes the beginning of an id for it if only one key
    begins so. A wrong one that is found is named: a good one may begin like it.
    """
    hints, wrong = list(HEX), set[str]()
    for length in range(1, LONGEST_HINT + 1):
        for hint in hints:
            found = restic.with_words("--key-hint", hint).run(*LOOK)
            if found.code == Code.OK:
                return hint
            if match := MISMATCH.search(found.words):
                wrong.add(match[1])
        hints = [key[:length] + digit for key in sorted(wrong) for digit in HEX]
    return ""


def _find_wrong(restic: Restic, opened: Restic) -> Iterator[str]:
    """Yield the ids of the keys that decrypt with this password, but not the config."""
    for key in list_keys(opened):
        found = restic.with_words("--key-hint", key.id).run(*LOOK)
        match = MISMATCH.search(found.words)
        if match and match[1].startswith(key.id):
            yield key.id
