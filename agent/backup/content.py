"""What goes into a backup: the workspace, and of the home what a person would miss."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

from agent.patterns import Matcher, anchor, compile_patterns, escape
from agent.texts import home_path

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
    ".claude/CLAUDE.md", ".claude/settings.json", ".claude/agents", ".claude/commands",
    ".claude/skills",
    ".codex/AGENTS.md", ".codex/config.toml", ".codex/prompts",
    ".gemini/GEMINI.md", ".gemini/settings.json", ".gemini/commands",
    ".config/devcopilot",
    ".local/bin", "bin",
)  # fmt: skip
"""Below the home."""

SECRETS = (
    ".ssh/id_*", ".ssh/*.pem", ".ssh/*.key", ".gnupg",
    ".git-credentials", ".config/git/credentials", ".netrc", ".pgpass", ".my.cnf", ".vault-token",
    ".config/gh/hosts.yml", ".config/hub", ".config/github-copilot", ".copilot",
    ".npmrc", ".yarnrc.yml", ".pypirc", ".cargo/credentials*", ".gem/credentials",
    ".m2/settings*.xml", ".terraform.d/credentials.tfrc.json",
    ".aws/credentials", ".aws/cli/cache", ".aws/login", ".aws/sso", ".azure", ".config/gcloud",
    ".boto", ".s3cfg", ".config/rclone", ".kube", ".docker/config.json", ".config/containers",
    ".claude.json", ".claude/.credentials.json", ".codex/auth.json",
    ".gemini/.env", ".gemini/oauth_creds.json", ".config/code-server",
)  # fmt: skip
"""Below the home, in restic's patterns: left out even where a folder that goes in holds it."""

SSH = ".ssh"
SSH_HARMLESS = ("config", "config.d", "known_hosts*", "authorized_keys*", "*.pub", "rc")
"""What ~/.ssh holds that is no secret. A private key may have any name."""

CACHE_TAG = "CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""https://bford.info/cachedir/"""

_DATABASE = re.compile(r"\.(?:db|db3|s3db|sl3|sqlite|sqlite3|vscdb)$", re.IGNORECASE)
_BESIDE = ("-wal", "-journal")
"""What SQLite keeps beside a database that is in use. https://www.sqlite.org/tempfiles.html"""


@dataclass(frozen=True)
class Content:
    """What is to go into a backup."""

    paths: tuple[Path, ...]
    """Absolute; each exists, none lies in another, and no folder on the way to one is a link."""
    excludes: tuple[str, ...] = ()
    """restic's patterns, all anchored. Their order matters: the last one that matches decides."""
    wishes: tuple[str, ...] = ()
    """Those of them that the user asked for, by patterns."""
    own: tuple[Path, ...] = ()
    """Folders of the agent: nobody looks into them."""

    def add(self, folder: Path) -> "Content":
        """Return the same with one more folder; it may lie in one of `own`."""
        return replace(self, paths=tuple(drop_nested((*self.paths, folder))))


@dataclass
class Found:
    """What a walk over the content has found, and restic would too."""

    caches: list[Path] = field(default_factory=list)
    """Folders whose content is left out, since they say that they are caches: maybe a whole one of
    the paths."""
    databases: list[Path] = field(default_factory=list)
    """Regular files that may be databases of SQLite, by their name or by what lies beside."""
    unreadable: dict[Path, str] = field(default_factory=dict)
    """Folders that could not be looked into, each with the cause."""


# --- what goes in ---------------------------------------------------------------------------------


def find_content(
    workspace: Path,
    home: Path,
    *,
    words: Iterable[str] = (),
    wishes: Iterable[str] = (),
    own: Iterable[Path] = (),
    copies: Path | None = None,
) -> Content:
    """Return what goes into a backup.

    `words` change the list HOME, see `choose_home`; `wishes` are patterns, relative to the
    workspace, of what is left out of it. `own` are files and folders that never go in, but for
    `copies`, which lies directly in one of them. Raises ValueError for a word or a pattern that
    means nothing, and where the workspace itself is one of `own`.
    """
    workspace, home = _resolve(workspace), _resolve(home)
    kept, taken = choose_home(words)
    listed = [path for name in kept for path in _find_listed(home, name)]
    paths = drop_nested(path for path in (workspace, *listed) if os.path.lexists(path))
    asked = tuple(anchor(pattern, workspace) for pattern in wishes)
    ours = tuple(find_place(path) for path in own)
    if workspace in ours:
        raise ValueError(f"a folder of its own, not the workspace {workspace}")
    # The user's come first, so that no ! of them brings a secret back.
    excludes = (
        *asked,
        *(escape(home / name) for name in taken if not _touches(home / name, workspace)),
        *_exclude_secrets(home, workspace),
        *_exclude_own(ours, workspace, find_place(copies) if copies else None),
    )
    return Content(tuple(paths), excludes, asked, ours)


def choose_home(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the paths below the home that go in, and those that are taken out of them.

    +PATH adds to the list and -PATH takes away; words without a sign are a list of their own.
    Raises ValueError for what is no path below the home.
    """
    signed = [(word[0], word[1:]) if word[:1] in ("+", "-") else ("", word) for word in words]
    chosen = [(sign, home_path(name)) for sign, name in signed]
    plain = [name for sign, name in chosen if not sign] or HOME
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
    """Tell whether a path holds the workspace, which always goes in, or lies in it."""
    return workspace.is_relative_to(path) or path.is_relative_to(workspace)


def _exclude_secrets(home: Path, workspace: Path) -> Iterator[str]:
    for name in SECRETS:
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


# --- what lies there ------------------------------------------------------------------------------


def walk(content: Content) -> Found:
    """Look once at every name in a content, but for what is left out. No link is followed."""
    found = Found()
    excluded = compile_patterns(content.excludes)
    own = {str(path) for path in content.own}
    waiting = []
    for path in content.paths:
        if path.is_dir() and not path.is_symlink():
            waiting.append(str(path))
        elif path.is_file() and not path.is_symlink() and not excluded(str(path)):
            beside = {path.name + end for end in _BESIDE if Path(f"{path}{end}").exists()}
            found.databases += [path] if _may_be_database(path.name, beside) else []
    while waiting:
        folders = _look_into(waiting.pop(), excluded, found)
        waiting += [folder for folder in folders if folder not in own and not excluded(folder)]
    return found


def _look_into(folder: str, excluded: Matcher, found: Found) -> list[str]:
    """Note what a folder holds, and return the folders in it."""
    folders, files, others = [], set(), set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    files.add(entry.name)
                else:
                    others.add(entry.name)
    except FileNotFoundError:
        return []
    except OSError as error:
        found.unreadable[Path(folder)] = error.strerror or str(error)
        return []
    if (CACHE_TAG in files or CACHE_TAG in others) and _says_cache(Path(folder, CACHE_TAG)):
        found.caches.append(Path(folder))
        return []
    for name in files:
        if _may_be_database(name, files):
            path = os.path.join(folder, name)  # noqa: PTH118 - of names, by the thousand
            found.databases += [] if excluded(path) else [Path(path)]
    return folders


def _may_be_database(name: str, names: set[str]) -> bool:
    return bool(_DATABASE.search(name)) or any(name + end in names for end in _BESIDE)


def _says_cache(path: Path) -> bool:
    """Tell whether a tag is valid. Links are followed, as restic does; a pipe is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except OSError:
        return False
