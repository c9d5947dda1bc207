"""A look at everything that goes into a backup: what needs care before restic reads it.

It sees each name once, opens next to nothing, follows no link, and is a second witness beside
restic of what cannot be read.
"""

import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, KeysView
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from agent.backup.create import git_repositories
from agent.backup.create.content import Content
from agent.backup.create.missing_files import is_gone
from agent.backup.create.moved_files import Places
from agent.machine.formats.globs import compile_patterns
from agent.machine.light.clock import FILE_TICK
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.storage.folders import CACHE_SIGNATURE, CACHE_TAG
from agent.machine.storage.sqlite import PAGE_STEP, is_database

_DATABASE = regex(r"\.(?:db|db3|s3db|sl3|sqlite|sqlite3|vscdb)$", re.IGNORECASE)
_BESIDE = ("-wal", "-journal")
"""What SQLite keeps beside a database that is in use. https://www.sqlite.org/tempfiles.html"""

SERVERS: tuple[tuple[str, set[str], set[str]], ...] = (
    ("PostgreSQL", {"PG_VERSION"}, {"base", "global"}),
    ("MySQL", {"ibdata1"}, set()),
    ("MongoDB", {"WiredTiger", "WiredTiger.wt"}, set()),
    ("Redis", {"dump.rdb"}, set()),
    ("Redis", set(), {"appendonlydir"}),
)  # fmt: skip
"""Database servers, and the files and folders by which their data is known."""
MOST_CACHED = 20_000
"""Names that are looked at in a cache."""
STORE = {"data", "index", "keys", "locks", "snapshots"}
"""Folders of a repository of restic, beside its file config."""
REPOSITORY = {"HEAD"}, {"objects", "refs"}
"""What makes a folder a repository of git. https://git-scm.com/docs/gitrepository-layout"""


@dataclass
class Count:
    """How much a folder holds."""

    files: int = 0
    """All that is no folder."""
    size: int = 0
    """Bytes of regular files."""


@dataclass
class Found:
    """What a content holds, and restic would find too."""

    caches: list[Path] = field(default_factory=list)
    """Folders whose content is left out, since they say that they are caches: maybe a whole one of
    the paths."""
    clones: list[tuple[Path, Path]] = field(default_factory=list)
    """Worktrees of git that are left out with a cache, each with the cache; of a big cache those
    that lie near its top."""
    emptied: list[Path] = field(default_factory=list)
    """Paths of which the patterns exclude every file."""
    databases: list[Path] = field(default_factory=list)
    """Regular files that may be databases of SQLite: by name, header, or neighbours."""
    unreadable: dict[Path, str] = field(default_factory=dict)
    """What could not be looked into, each with the cause."""
    repositories: list[Path] = field(default_factory=list)
    """Folders of git: .git, those of submodules, and bare ones."""
    mirrors: list[Path] = field(default_factory=list)
    """The agent's own, seen through another mount: to be left out."""
    links: list[tuple[Path, Path]] = field(default_factory=list)
    """Links that lead out of the paths, each with where it leads by its text."""
    needs: list[tuple[Path, Path]] = field(default_factory=list)
    """Worktrees and repositories of git, each with a folder without which git cannot read it."""
    servers: list[tuple[str, Path]] = field(default_factory=list)
    """Data of database servers: the server's name, and the folder."""
    counts: dict[Path, Count] = field(default_factory=dict)
    """How much each of the paths holds, without folders that are excluded as a whole."""
    places: Places = field(default_factory=Places, repr=False)
    """Where all of it lies."""


def survey(
    content: Content, before: Found | None = None, now: Callable[[], int] = time.time_ns
) -> Found:
    """Look once at every name in a content, except what is excluded.

    `before`: what the last look found, to know afterwards what was moved. `now` tells the time, in
    nanoseconds since the epoch.
    """
    found = Found(places=Places(before.places if before else None, now() - FILE_TICK))
    walk = _Walk(content, found)
    for path in content.paths:
        found.counts[path] = count = Count()
        try:
            mode = path.lstat().st_mode
        except OSError as error:
            found.unreadable[path] = error.strerror or str(error)
            continue
        if stat.S_ISDIR(mode):
            walk.go_through(path, count)
        elif stat.S_ISREG(mode):
            walk.note_file(path, count)
        else:
            count.files += 1
    found.places.ended = now()
    return found


class _Walk:
    def __init__(self, content: Content, found: Found) -> None:
        self._found = found
        self._excluded = compile_patterns(content.excludes)
        self._own = {str(path) for path in content.own}
        self._identities = content.identities
        self._tops = tuple(content.paths)
        self._mirrors: set[str] = set()
        self._leaves = False
        """Whether something in the present path is left out."""
        self._keeps = False
        """Whether some file in it is not."""

    def note_file(self, path: Path, count: Count) -> None:
        """Note a file that is one of the paths itself."""
        if self._excluded(str(path)):
            return
        count.files += 1
        beside = {path.name + end for end in _BESIDE if not is_gone(Path(f"{path}{end}"))}
        try:
            size = path.lstat().st_size
        except OSError:
            return
        count.size += size
        if may_be_database(path.name, beside) or _has_header(str(path), size):
            self._found.databases.append(path)

    def go_through(self, top: Path, count: Count) -> None:
        """Note what a folder holds, at any depth."""
        self._leaves = self._keeps = False
        waiting = [str(top)]
        at = os.lstat(top)
        self._found.places.note_folder(str(top), at)
        self._note_mirrors(str(top), (at.st_dev, at.st_ino))
        while waiting:
            folder = waiting.pop()
            if folder not in self._mirrors:
                inner = self._look_into(folder, count)
                waiting += [path for path in inner if path not in self._own and self._takes(path)]
        if self._leaves and not self._keeps:
            self._found.emptied.append(top)

    def _takes(self, path: str) -> bool:
        """Tell whether no pattern leaves a path out, and note that one does."""
        is_out = self._excluded(path)
        self._leaves |= is_out
        return not is_out

    def _look_into(self, folder: str, count: Count) -> list[str]:
        """Note what a folder holds, and return the folders in it."""
        folders: dict[str, str] = {}
        files: dict[str, int] = {}
        others: set[str] = set()
        found = self._found
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    self._sort(entry, folder, folders, files, others)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            found.unreadable[Path(folder)] = error.strerror or str(error)
        if (CACHE_TAG in files or CACHE_TAG in others) and says_cache(Path(folder, CACHE_TAG)):
            found.caches.append(Path(folder))
            while found.links and found.links[-1][0].parent == Path(folder):
                found.links.pop()  # not even the link is in the backup
            found.clones += [(clone, Path(folder)) for clone in self._find_clones(folder)]
            return []
        if not self._keeps:
            self._keeps = any(self._takes(f"{folder}/{name}") for name in (*files, *others))
        count.files += len(files) + len(others)
        count.size += sum(files.values())
        for name, size in files.items():
            if size % PAGE_STEP and not may_be_database(name, files):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - of names, by the thousand
            if may_be_database(name, files) or _has_header(path, size):
                found.databases += [] if self._excluded(path) else [Path(path)]
        self._recognize(folder, files.keys(), folders.keys())
        return [] if folder in self._mirrors else list(folders.values())

    def _find_clones(self, cache: str) -> Iterator[Path]:
        """Yield the worktrees of git in a cache, itself included: those near its top first."""
        waiting, left = deque([cache]), MOST_CACHED
        while waiting and left > 0:
            folder = waiting.popleft()
            try:
                with os.scandir(folder) as entries:
                    looked = list(islice(entries, left))
            except OSError:
                continue
            left -= len(looked)
            if any(entry.name == ".git" for entry in looked):
                yield Path(folder)
                continue
            waiting += (entry.path for entry in looked
                        if entry.is_dir(follow_symlinks=False)
                        and not self._excluded(entry.path))  # fmt: skip

    def _sort(
        self,
        entry: "os.DirEntry[str]",
        folder: str,
        folders: dict[str, str],
        files: dict[str, int],
        others: set[str],
    ) -> None:
        """Note one name of `folder`."""
        try:
            at = entry.stat(follow_symlinks=False)
            self._found.places.note(folder, entry.path, at)
            kind = stat.S_IFMT(at.st_mode)
            if kind == stat.S_IFREG:
                files[entry.name] = at.st_size
            elif kind == stat.S_IFDIR:
                folders[entry.name] = entry.path
                self._found.places.note_folder(entry.path, at)
                # A mount point has the inode of what is mounted there.
                self._note_mirrors(entry.path, (at.st_dev, at.st_ino))
            else:
                others.add(entry.name)
                if kind == stat.S_IFLNK:
                    self._note_link(folder, entry.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._found.unreadable[Path(entry.path)] = error.strerror or str(error)

    def _note_link(self, folder: str, path: str) -> None:
        """Note a link that leads out. It is not followed: what is there may not answer."""
        try:
            text = os.readlink(path)  # noqa: PTH115 - of names, by the thousand
        except OSError:
            return  # it has just been replaced; what cannot be read restic names
        leads = Path(os.path.normpath(os.path.join(folder, text)))  # noqa: PTH118
        inside = any(leads.is_relative_to(top) for top in self._tops)
        if not inside and not self._excluded(path):
            self._found.links.append((Path(path), leads))

    def _note_mirrors(self, path: str, identity: tuple[int, int]) -> None:
        for inner in self._identities.get(identity, ()):
            self._add_mirror(Path(path, inner))

    def _add_mirror(self, place: Path) -> None:
        if str(place) not in self._own and str(place) not in self._mirrors:
            self._mirrors.add(str(place))
            self._found.mirrors.append(place)

    def _is_ours(self, folder: str) -> bool:
        """Tell whether a repository of restic is ours, mounted a second time from its server.

        That is another device for this machine. A copy has the same content, and its own time.
        """
        return any(is_same_file(Path(own, "config"), Path(folder, "config")) for own in self._own)

    def _recognize(self, folder: str, files: KeysView[str], folders: KeysView[str]) -> None:
        """Note what a folder is as a whole."""
        if "config" in files and folders >= STORE and self._is_ours(folder):
            self._add_mirror(Path(folder))
        has_names = REPOSITORY[0] <= files and REPOSITORY[1] <= folders
        if has_names and git_repositories.is_repository(Path(folder)):
            self._found.repositories.append(Path(folder))
            lenders = git_repositories.find_lenders(Path(folder))
            self._found.needs += ((Path(folder), place) for place in lenders)
        if ".git" in files and (home := git_repositories.find_home(Path(folder, ".git"))):
            self._found.needs.append((Path(folder), home))
        names = {name for name, own_files, own_folders in SERVERS
                 if own_files <= files and own_folders <= folders}  # fmt: skip
        self._found.servers += [(name, Path(folder)) for name in sorted(names)]


def is_same_file(one: Path, other: Path) -> bool:
    """Tell whether two small files hold the same and were last changed at the same moment."""
    try:
        times = {(at.st_size, at.st_mtime_ns, at.st_ctime_ns) for at in (one.stat(), other.stat())}
        return len(times) == 1 and read_file(one, SETTINGS) == read_file(other, SETTINGS)
    except OSError:
        return False


def may_be_database(name: str, names: Collection[str]) -> bool:
    """Tell whether a file may be one of SQLite, by its name or its neighbours."""
    if name + _BESIDE[0] in names or name + _BESIDE[1] in names:
        return True
    return "." in name and bool(_DATABASE.search(name))


def _has_header(path: str, size: int) -> bool:
    """Tell whether a file says that it is a database of SQLite, whatever it is called."""
    if size == 0 or size % PAGE_STEP:
        return False
    try:
        return is_database(Path(path))
    except OSError:
        return False  # restic tells of it, unless it is gone


def says_cache(path: Path) -> bool:
    """Tell whether a tag is valid. Links are followed, as restic does; a pipe is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except OSError:
        return False
