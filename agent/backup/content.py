"""What goes into a backup: the workspace, and of the home what a person would miss."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.restic import CACHE
from agent.settings import Settings
from agent.system import Facts

HOME = (
    ".bashrc", ".bash_profile", ".bash_login", ".profile", ".bash_aliases", ".bash_history",
    ".zshrc", ".zprofile", ".zshenv", ".zsh_history", ".config/fish", ".inputrc",
    ".gitconfig", ".gitignore", ".config/git",
    ".ssh/config", ".ssh/known_hosts",
    ".vimrc", ".vim", ".config/nvim", ".nanorc", ".tmux.conf", ".config/tmux",
    ".local/share/code-server/User/settings.json",
    ".local/share/code-server/User/keybindings.json",
    ".local/share/code-server/User/snippets",
    ".local/share/code-server/User/prompts",
    ".local/share/code-server/extensions",
    ".claude/CLAUDE.md", ".claude/settings.json", ".claude/agents", ".claude/commands",
    ".claude/skills", ".codex/AGENTS.md", ".codex/config.toml", ".codex/prompts",
    ".gemini/GEMINI.md", ".gemini/settings.json",
    ".config/devcopilot", ".local/bin", "bin",
)  # fmt: skip
"""Below the home."""

SECRETS = (
    ".config/gh/hosts.yml", ".git-credentials", ".config/git/credentials", ".netrc", ".npmrc",
    ".pypirc", ".ssh/id_*", ".ssh/*.pem", ".aws", ".azure", ".kube", ".docker/config.json",
    ".gnupg", ".claude/.credentials.json", ".claude.json", ".codex/auth.json", ".gemini/.env",
    ".gemini/oauth_creds.json", ".config/gcloud", ".config/rclone",
)  # fmt: skip
"""Below the home: left out even where a listed folder holds them."""

COPIES = "databases"
"""Folder in the state folder: consistent copies of databases, below their absolute paths."""

CACHE_TAG = "CACHEDIR.TAG"
CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
"""https://bford.info/cachedir/"""

_DATABASE = re.compile(r"\.(?:db|db3|s3db|sl3|sqlite|sqlite3|vscdb)$")
_BESIDE = ("-wal", "-journal")
"""What SQLite keeps beside a database that is in use. https://www.sqlite.org/tempfiles.html"""


@dataclass(frozen=True)
class Content:
    """What is to go into a backup."""

    paths: tuple[Path, ...]
    """Absolute; each exists."""
    excludes: tuple[str, ...]
    """restic's patterns, all anchored."""
    wishes: tuple[str, ...]
    """Those of them that the user asked for."""


@dataclass
class Found:
    """What a walk over the content has found."""

    caches: list[Path] = field(default_factory=list)
    """Folders whose content is left out: they say that they are caches."""
    databases: list[Path] = field(default_factory=list)
    """Files that may be databases of SQLite."""


def find_content(settings: Settings, facts: Facts) -> Content:
    """Return what these settings put into a backup."""
    workspace = settings.workspace.folder
    home = [facts.home / name for name in choose_home(settings.backup.home)]
    paths = [path for path in (workspace, *home) if os.path.lexists(path)]
    wishes = tuple(anchor(pattern, workspace) for pattern in settings.backup.exclude or ())
    return Content(tuple(drop_nested(paths)), (*wishes, *find_private(settings, facts)), wishes)


def find_private(settings: Settings, facts: Facts) -> Iterator[str]:
    """Yield the patterns of what never goes into a backup: secrets, and the agent's own files."""
    for path in (facts.home / CACHE, facts.runtime, settings.backup.folder):
        if path:
            yield escape(path)
    if facts.state != facts.defaults:
        yield escape(facts.defaults)
    yield f"{escape(facts.state)}/*"
    yield f"!{escape(facts.state / COPIES)}"
    for name in SECRETS:
        yield f"{escape(facts.home)}/{name}"


def choose_home(words: Iterable[str] | None) -> tuple[str, ...]:
    """Return the paths below the home: HOME, or what the words make of it.

    +PATH adds to the list and -PATH takes away; words without a sign are a list of their own.
    """
    words = tuple(words or ())
    own = [word for word in words if word[0] not in "+-"]
    chosen = dict.fromkeys(own or HOME)
    for word in words:
        if word[0] == "+":
            chosen[word[1:]] = None
        elif word[0] == "-":
            chosen.pop(word[1:], None)
    return tuple(name.strip("/") for name in chosen if name.strip("/"))


def anchor(pattern: str, workspace: Path) -> str:
    """Return a pattern of the user, which is relative to the workspace, as restic takes it."""
    return f"{escape(workspace)}/{pattern.lstrip('/')}"


def escape(path: Path) -> str:
    """Return the pattern of this path alone; see https://pkg.go.dev/path/filepath#Match ."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", str(path))


def drop_nested(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the paths that lie below no other."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
            yield path


def walk(paths: Iterable[Path]) -> Found:
    """Walk over all files below these paths, links not followed, each file looked at once by name.

    What cannot be entered is passed over: restic names it.
    """
    found = Found()
    waiting = [str(path) for path in paths if path.is_dir() and not path.is_symlink()]
    while waiting:
        _look_into(waiting.pop(), waiting, found)
    return found


def _look_into(folder: str, waiting: list[str], found: Found) -> None:
    names: set[str] = set()
    folders = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    names.add(entry.name)
    except OSError:
        return
    if CACHE_TAG in names and _says_cache(Path(folder, CACHE_TAG)):
        found.caches.append(Path(folder))
        return
    waiting += folders
    for name in names:
        if _DATABASE.search(name) or any(name + end in names for end in _BESIDE):
            found.databases.append(Path(folder, name))


def _says_cache(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except OSError:
        return False
