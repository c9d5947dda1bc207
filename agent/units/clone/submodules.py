"""What comes after a clone and never undoes it: submodules, and the files of git LFS."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from agent.machine.errors import HintedError
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.programs.git_failures import Cause
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.repository import Repository
from agent.units.clone.safe_git import Git, GitError
from agent.units.unit import Unit

TRIES = 3
"""Times that something is fetched when the network fails."""
_LACKING = regex(r"Git credentials for (\S+) not found")
"""What git LFS says at last where a host wants credentials, or other ones."""


@frozen
class Extra:
    """A part of a repository that is fetched after it."""

    name: str
    is_wanted: Callable[[Repository], bool]
    is_there: Callable[[Git, Path, Facts], bool]
    """Returns whether the repository has anything of it."""
    fetch: Callable[[Git, Path, Repository, Unit], None]
    """Fetches it. Raises ExtraError, GitError and StoppedError."""


class ExtraError(HintedError):
    """Some of it cannot be had; the text says what, and why."""


# --- submodules ---------------------------------------------------------------------------------


def _has_submodules(git: Git, folder: Path, facts: Facts) -> bool:
    del git
    try:
        return bool(facts.read(folder / ".gitmodules", SETTINGS))
    except OSError:
        return False


def _fetch_submodules(git: Git, folder: Path, repository: Repository, unit: Unit) -> None:
    """Fetch each separately, so that a dead one does not keep the others away."""
    said = git.ask(
        "config", "--null", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$",
        cwd=folder,
    )  # fmt: skip
    paths = [row.partition("\n")[2] for row in (said or "").split("\0") if row]
    depth = ("--depth", str(repository.depth)) if repository.depth else ()
    failed = []
    for path in paths:
        try:
            _try(
                git, unit, folder,
                "submodule", "update", "--init", "--recursive", "--progress", *depth, "--", path,
            )  # fmt: skip
        except GitError as error:
            unit.say(f"{path}: {error.failure.said}")
            failed.append((path, error.failure))
    if failed:
        path, failure = failed[0]
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        hint = (
            "its address is not https or ssh, and is not used automatically"
            if failure.cause is Cause.PROTOCOL
            else ""
        )
        raise ExtraError(f"cannot fetch {path}: {failure.said}{more}", hint)


# --- git LFS ------------------------------------------------------------------------------------


def _has_lfs(git: Git, folder: Path, facts: Facts) -> bool:
    del facts
    return bool(git.ask("ls-files", "--", ":(attr:filter=lfs)", cwd=folder))


def _fetch_lfs(git: Git, folder: Path, repository: Repository, unit: Unit) -> None:
    """Fetch the files; the host may be one that .lfsconfig names, which gets no token of others."""
    del repository
    if git.ask("lfs", "version", cwd=folder) is None:
        raise ExtraError("the image has no git-lfs", "install git-lfs in the image")
    try:
        with tempfile.TemporaryDirectory(prefix="lfs-", dir=git.runtime) as noted:
            _try(git, unit, folder, "lfs", "pull", DEVCOPILOT_REFUSED=f"{noted}/refused")
    except GitError as error:
        lacking = _LACKING.search(error.failure.said)
        if not lacking:
            raise
        raise ExtraError(
            f"its large files are at {lacking[1]}, which accepts none of the credentials here",
            f"sign in to that host if you trust it, then: {unit.again}",
        ) from error


def _try(git: Git, unit: Unit, folder: Path, *words: str, **environ: str) -> None:
    """Run a command, again when the network fails. Raises GitError and StoppedError."""
    for number in range(1, TRIES + 1):
        try:
            git.run(*words, cwd=folder, **environ)
        except GitError as error:
            if error.failure.cause is not Cause.NETWORK or number == TRIES:
                raise
            unit.say(f"try {number} failed: {error.failure.said}")
            unit.pause(2.0**number)
        else:
            return


SUBMODULES = Extra("submodules", lambda each: each.submodules, _has_submodules, _fetch_submodules)
LFS = Extra("lfs", lambda each: each.lfs, _has_lfs, _fetch_lfs)
EXTRAS = (SUBMODULES, LFS)
