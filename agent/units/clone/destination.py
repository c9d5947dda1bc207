"""What there is where a clone is to go."""

import os
from enum import Enum
from pathlib import Path

from agent.machine.values import frozen
from agent.settings.repository import EntryError, parse_address
from agent.units.clone.safe_git import Git

OF_THE_VOLUME = "lost+found"
"""What ext4 has in each of its volumes, and nobody put there."""
MOST_NAMES = 5


class Place(Enum):
    """What is there."""

    FREE = 1
    """Nothing, or an empty folder: the clone gets its place by its name."""
    SHARED = 2
    """A folder that has to stay, such as a volume: what is in the clone goes into it."""
    THERE = 3
    """A clone of the same repository."""
    BLOCKED = 4
    """Something else."""


@frozen
class Found:
    """What is there, and what is wrong with it."""

    place: Place
    reason: str = ""
    hint: str = ""


def look(git: Git, target: Path, url: str, elsewhere: str, *, is_workspace: bool) -> Found:
    """Return what is at a place, without the network.

    `elsewhere`: what has the clone made in another folder, for hints.
    """
    clear = f"move it away, or {elsewhere}"
    if not os.path.lexists(target):
        return Found(Place.FREE)
    if not target.is_dir():
        return Found(Place.BLOCKED, f"{target} is in the way: it is no folder", clear)
    try:
        names = sorted(name.name for name in target.iterdir())
    except OSError as error:
        return Found(Place.BLOCKED, f"cannot read {target}: {error.strerror}")
    if ".git" in names:
        return _look_at_repository(git, target, url, clear)
    return _look_at_folder(target, names, clear, is_workspace=is_workspace)


def _look_at_folder(target: Path, names: list[str], clear: str, *, is_workspace: bool) -> Found:
    others = [name for name in names if name != OF_THE_VOLUME]
    if is_workspace or (not others and (names or os.path.ismount(target))):
        return Found(Place.SHARED)
    if not names and not target.is_symlink():
        return Found(Place.FREE)
    shown = ", ".join(others[:MOST_NAMES]) + (", …" if len(others) > MOST_NAMES else "")
    reason = f"{target} is in the way: it is no clone and holds {shown or 'a link'}"
    return Found(Place.BLOCKED, reason, clear)


def _look_at_repository(git: Git, target: Path, url: str, clear: str) -> Found:
    said = git.ask("config", "--get-regexp", r"^remote\..*\.url$", cwd=target)
    origins = [line.partition(" ")[2] for line in (said or "").split("\n") if line]
    if git.ask("rev-parse", "--git-dir", cwd=target) is None:
        return Found(
            Place.BLOCKED,
            f"{target} is in the way: git cannot read its .git",
            f"look: git -C {target} status",
        )
    if any(is_same(origin, url) for origin in origins):
        return Found(Place.THERE)
    whose = f"it is a clone of {origins[0]}" if origins else "it is a repository without a remote"
    return Found(Place.BLOCKED, f"{target} is in the way: {whose}", clear)


def is_same(one: str, other: str) -> bool:
    """Return whether two addresses lead to the same repository, over https or ssh."""
    return one == other or _reduce(one) == _reduce(other)


def _reduce(url: str) -> tuple[str, str] | str:
    try:
        found = parse_address(url)
    except EntryError:
        return url
    return str(found.get("host", "")), str(found["path"]).removesuffix(".git").lower()
