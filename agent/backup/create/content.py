"""What goes into a backup: the workspace, and of the home what a person would miss."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from agent.backup.create.missing_files import is_gone
from agent.machine.formats.globs import anchor, compile_patterns, escape
from agent.machine.storage import owners
from agent.machine.values import frozen
from agent.settings.parsers import home_path

HOME = (
    ".bashrc", ".bash_profile", ".bash_login", ".bash_logout", ".bash_aliases", ".bash_history",
    ".profile", ".inputrc",
    ".zshrc", ".zprofile", ".zshenv", ".zlogin", ".zsh_history",
    ".config/fish", ".local/share/fish/fish_history",
    ".gitconfig", ".gitignore", ".config/git", ".config/gh/config.yml",
    ".ssh/config", ".ssh/known_hosts",
    ".vimrc", ".vim", ".config/nvim", ".nanorc", ".tmux.conf", ".config/tmux", ".editorconfig",
    ".local/share/code-server/User/settings.json",
    ".local/share/code-server/User/keybindings.json",
    ".local/share/code-server/User/tasks.json",
    ".local/share/code-server/User/snippets",
    ".local/share/code-server/User/profiles",
    ".local/share/code-server/User/prompts",
    ".local/share/code-server/extensions",
    ".config/devcopilot",
    ".local/bin", "bin",
)  # fmt: skip
"""Below the home."""

SECRETS = (".ssh/id_*", ".ssh/*.pem", ".ssh/*.key", *owners.SECRETS)
"""Below the home, in restic's patterns: left out even where a folder that goes in holds it."""

SSH = ".ssh"
SSH_HARMLESS = ("config", "config.d", "known_hosts*", "authorized_keys*", "*.pub", "rc")
"""What ~/.ssh holds that is no secret. A private key may have any name."""

ANY_NAMES = ("a", ".b", "c.d", "Ef-0_9")
"""Names that have nothing in common."""


@frozen
class ToolFiles:
    """What the AI tools keep below the home, as each declares it: it adds to HOME and SECRETS."""

    kept: tuple[str, ...] = ()
    """What goes in."""
    secrets: tuple[str, ...] = ()
    """What never does, in restic's patterns."""


Identity = tuple[int, int]
"""What a file is, whatever it is called: device and inode."""


@frozen
class Content:
    """What is to go into a backup."""

    paths: tuple[Path, ...]
    """Absolute; each exists, none is below another, and no folder on the way to one is a link."""
    excludes: tuple[str, ...] = ()
    """restic's patterns, all anchored. Their order matters: the last one that matches decides."""
    wishes: tuple[str, ...] = ()
    """Those of them that the user asked for, by patterns."""
    own: tuple[Path, ...] = ()
    """Files and folders of the agent: nobody looks into them."""
    identities: Mapping[Identity, tuple[Path, ...]] = field(default_factory=dict)
    """Where else `own` may be seen, through another mount: what a folder is -> what it holds."""

    def holds(self, path: Path) -> bool:
        """Tell whether a path goes in, by its name."""
        excluded = compile_patterns(self.excludes)
        return any(path.is_relative_to(top) for top in self.paths) and not any(
            excluded(str(part)) for part in (path, *path.parents)
        )

    def add(self, folder: Path) -> "Content":
        """Return the same with one more folder; it may be below one of `own`."""
        return replace(self, paths=tuple(drop_nested((*self.paths, folder))))


def find_content(
    workspace: Path,
    home: Path,
    *,
    words: Iterable[str] = (),
    wishes: Iterable[str] = (),
    own: Iterable[Path] = (),
    copies: Path | None = None,
    tools: ToolFiles,
) -> Content:
    """Return what goes into a backup.

    `words` change the list HOME, see `choose_home`; `wishes` are patterns, relative to the
    workspace, of what is excluded from it. `own` are files and folders that never go in, but for
    `copies`, which is directly in one of them; none is the workspace, see `find_same`. Raises
    ValueError for a word or a pattern that means nothing.
    """
    workspace, home = _resolve(workspace), _resolve(home)
    kept, taken = choose_home(words, (*HOME, *tools.kept))
    listed = [path for name in kept for path in _find_listed(home, name)]
    paths = drop_nested((workspace, *(path for path in listed if not is_gone(path))))
    asked = tuple(anchor(pattern, workspace) for pattern in wishes)
    ours = tuple(find_place(path) for path in own)
    # The user's come first, so that no ! of them brings a secret back.
    excludes = (
        *asked,
        *(escape(home / name) for name in taken if not _touches(home / name, workspace)),
        *_exclude_secrets(home, workspace, (*SECRETS, *tools.secrets)),
        *_exclude_own(ours, workspace, find_place(copies) if copies else None),
    )
    return Content(tuple(paths), excludes, asked, ours, find_identities(ours))


def find_same(workspace: Path, own: Iterable[Path]) -> Path | None:
    """Return which of these is the workspace itself, or leads to it."""
    place, itself = _resolve(workspace), identify(workspace)
    return next((
        path for path in own
        if _resolve(path) == place or (itself and identify(path) == itself)
    ), None)  # fmt: skip


def leaves_nothing(workspace: Path, wishes: Iterable[str]) -> bool:
    """Tell whether these patterns exclude all of the workspace.

    Of an empty one, whether they would leave out anything at all that may appear there.
    """
    folder = _resolve(workspace)
    excluded = compile_patterns(anchor(pattern, folder) for pattern in wishes)
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names are wanted
    except OSError:
        names = []
    return all(excluded(str(folder / name)) for name in names or ANY_NAMES)


def find_identities(own: Iterable[Path]) -> dict[Identity, tuple[Path, ...]]:
    """Return what each of these is -> the empty path.

    For one that is not there yet it is the nearest folder above that is, and the path from there.
    """
    found: dict[Identity, tuple[Path, ...]] = {}
    for path in own:
        above = next((part for part in (path, *path.parents) if identify(part)), None)
        identity = identify(above) if above else None
        if above and identity:
            found[identity] = (*found.get(identity, ()), path.relative_to(above))
    return found


def identify(path: Path) -> Identity | None:
    """Return what is at a path, links followed; None: nothing that can be looked at."""
    try:
        at = path.stat()
    except OSError:
        return None
    return at.st_dev, at.st_ino


def choose_home(
    words: Iterable[str], usual: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths below the home that go in, and those that are taken out of them.

    +PATH adds to the `usual` ones and -PATH takes away; words without a sign replace them. Raises
    ValueError for what is no path below the home.
    """
    signed = [(word[0], word[1:]) if word[:1] in ("+", "-") else ("", word) for word in words]
    chosen = [(sign, home_path(name)) for sign, name in signed]
    plain = [name for sign, name in chosen if not sign] or usual
    added = [name for sign, name in chosen if sign == "+"]
    taken = tuple(dict.fromkeys(name for sign, name in chosen if sign == "-"))
    kept = dict.fromkeys((*plain, *added))
    return tuple(name for name in kept if not _is_below(name, taken)), taken


def drop_nested(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths that lie below no other, sorted."""
    kept: set[Path] = set()
    for path in sorted(set(paths)):
        if kept.isdisjoint(path.parents):
            kept.add(path)
            yield path


def find_place(path: Path) -> Path:
    """Return the path without links on the way to it; what is there itself may be one.

    restic stores a link as a link, and matches patterns with the path that it was given.
    """
    return _resolve(path.parent) / path.name


def _resolve(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_below(name: str, others: Iterable[str]) -> bool:
    return any(Path(name).is_relative_to(other) for other in others)


def _find_listed(home: Path, name: str) -> Iterator[Path]:
    """Yield the place of a listed name; where that is a link within the home, its target too."""
    place = find_place(home / name)
    yield place
    target = _resolve(place)
    if place.is_symlink() and target.is_relative_to(home) and target != home:
        yield target


def _touches(path: Path, workspace: Path) -> bool:
    """Tell whether a path holds the workspace, which always goes in, or is below it."""
    return workspace.is_relative_to(path) or path.is_relative_to(workspace)


def _exclude_secrets(home: Path, workspace: Path, secrets: Iterable[str]) -> Iterator[str]:
    for name in secrets:
        parent, _, last = name.rpartition("/")
        place = _resolve(home / parent)
        if not workspace.is_relative_to(place / last):
            yield f"{escape(place)}/{last}"
    ssh = _resolve(home / SSH)
    try:
        present = sorted(os.listdir(ssh))  # noqa: PTH208 - names are wanted
    except OSError:
        return
    for name in present:
        if not any(fnmatchcase(name, harmless) for harmless in SSH_HARMLESS):
            yield escape(ssh / name)


def _exclude_own(ours: Iterable[Path], workspace: Path, copies: Path | None) -> Iterator[str]:
    for path in ours:
        if copies and copies.parent == path:
            yield f"{escape(path)}/*"
            yield f"!{escape(copies)}"
        elif not workspace.is_relative_to(path):
            yield escape(path)
