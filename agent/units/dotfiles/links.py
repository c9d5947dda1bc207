"""Links dotfiles into a home folder. Nothing that is there is lost: it moves aside."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.machine.values import frozen

LEFT_OUT = frozenset({".git", ".github", ".gitmodules", ".gitignore", ".gitattributes"})
"""They are about the repository; .gitconfig and .gitignore_global are not."""
ASIDE = ".before-dotfiles"


@frozen
class Linked:
    """What was done."""

    made: int
    """Links that are new."""
    aside: tuple[Path, ...]
    """Files that moved aside."""
    left: tuple[Path, ...] = ()
    """Places that stay as they are, since a folder in use is there or below."""


def link_all(source: Path, home: Path, in_use: Sequence[Path] = ()) -> Linked:
    """Link what begins with a dot, and make no link twice.

    A folder that is in the home already stays, and what is in the other one is linked into it: in
    ~/.config and ~/.ssh lies more than dotfiles. The dotfiles themselves and the folders `in_use`
    do not move. Raises OSError.
    """
    made, aside, left = 0, [], []
    fixed = [each for folder in (source, *in_use) for each in (folder, _resolve(folder))]
    for inner, place in list(find_pairs(source, home)):
        if place.is_symlink() and place.readlink() == inner:
            continue
        spelled = (place, _resolve(place.parent) / place.name)
        if any(_overlap(one, each) for one in spelled for each in fixed):
            left.append(place)
            continue
        if os.path.lexists(place):
            aside.append(_replace(place, inner))
        else:
            place.symlink_to(inner)
        made += 1
    return Linked(made, tuple(aside), tuple(left))


def _resolve(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents


def find_pairs(source: Path, home: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file or folder to link, and its place."""
    for name in sorted(os.listdir(source)):  # noqa: PTH208 - names are wanted
        if name.startswith(".") and name not in LEFT_OUT:
            yield from _find_inner(source / name, home / name)


def _find_inner(inner: Path, place: Path) -> Iterator[tuple[Path, Path]]:
    both = all(each.is_dir() and not each.is_symlink() for each in (inner, place))
    if not both:
        yield inner, place
        return
    for name in sorted(os.listdir(inner)):  # noqa: PTH208 - names are wanted
        yield from _find_inner(inner / name, place / name)


def _replace(place: Path, inner: Path) -> Path:
    """Put a link in the place of what is there; return where that is now. Raises OSError."""
    moved = move_aside(place)
    try:
        place.symlink_to(inner)
    except OSError:  # the disk is full: what was there must not be missing
        if not os.path.lexists(place):  # nor take the place of what a program has just made
            moved.rename(place)
        raise
    return moved


def move_aside(place: Path) -> Path:
    """Rename what is there to NAME.before-dotfiles, with a number if that is taken too."""
    target = place.with_name(place.name + ASIDE)
    number = 1
    while os.path.lexists(target):
        number += 1
        target = place.with_name(f"{place.name}{ASIDE}.{number}")
    place.rename(target)
    return target
