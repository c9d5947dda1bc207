"""Archives of the original's `backup.sh`: workspace-*.tar.gz, judged as they are unpacked.

They may end early (a kill left them so), and name the workspace by the folder that it was then.
Unpacked is to a new folder; only what was whole and harmless is moved to where it belongs.
"""

import errno
import gzip
import math
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from agent.machine.errors import AgentError, Problem
from agent.machine.light.files import open_file
from agent.machine.storage import folders
from agent.machine.values import frozen

CHUNK = 1 << 20
END = bytes(2 * tarfile.BLOCKSIZE)
"""What each archive ends with: https://www.gnu.org/software/tar/manual/html_node/Standard.html"""

HEADERS = 16 << 20
"""Bytes beside the members' own that an archive may hold between two of them, or after the last:
Python keeps a header in memory, however long it says it is."""
MOST_MEMBERS = 4_000_000
DEEPEST = 250
"""Folders above a member."""
MODES = 0o755
"""What of a member's mode is unpacked: nobody else may write, nothing is setuid."""
FIXED = "their file system has fixed ones"
NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system without such links says of one: symlink(2), link(2)."""
LATEST = 2**34
"""A time from here on is no file's."""


class EvilError(Exception):
    """A member that no honest archive has; its text says which and why."""


@dataclass
class Contents:
    """What an archive holds."""

    top: str = "."
    """The folder in it that is the workspace: `.`, or the name that the workspace had."""
    files: int = 0
    size: int = 0
    """Bytes."""
    skipped: list[str] = field(default_factory=list)
    """What of it is not unpacked, each with the cause."""


def unpack(archive: Path, folder: Path | None, disk: Path | None = None) -> Contents:
    """Check an archive to its very end and, if a new folder is given, unpack it there.

    `disk`: a folder on the file system that must have room for it; by default that of `folder`.
    Raises AgentError when it is damaged or has a member that does not belong into a workspace.
    """
    if disk is None and folder:
        disk = folder.parent
    try:
        if folder:
            folder.mkdir()
        with os.fdopen(open_file(archive), "rb") as file, gzip.open(file) as stream:
            reader = Tail(stream)
            with tarfile.open(fileobj=reader, mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
                contents = _take(tar, reader, folder, Judge(find_room(disk) if disk else NO_LIMIT))
            reader.finish()
    except EvilError as error:
        raise AgentError(Problem(f"cannot restore {archive}: {error}")) from error
    except DAMAGES as error:
        problem = Problem(
            f"cannot restore {archive}: it is damaged or truncated ({error})",
            "choose an older one; nothing was changed",
        )
        raise AgentError(problem) from error
    except OSError as error:
        raise AgentError(Problem(f"cannot restore {archive}: {error.strerror or error}")) from error
    return contents


DAMAGES = (
    EOFError, tarfile.TarError, zlib.error, gzip.BadGzipFile, ValueError, ArithmeticError,
    LookupError,
)  # fmt: skip
"""What Python raises for an archive that is none; the last three for numbers that are none."""


class Tail:
    """A stream that remembers whether it ended as archives do, and reads up to `limit` alone."""

    def __init__(self, stream: "gzip.GzipFile | BinaryIO") -> None:
        self._stream = stream
        self._last = b""
        self._position = 0
        self.limit = HEADERS
        """Bytes from its beginning."""

    def read(self, size: int) -> bytes:
        """Return up to so many bytes. Raises EvilError beyond the limit."""
        content = self._stream.read(size)
        self._position += len(content)
        if self._position > self.limit:
            raise EvilError(f"it has more than {HEADERS >> 20} MiB that belong to no file")
        self._last = (self._last + content)[-len(END) :]
        return content

    def finish(self) -> None:
        """Read the rest, with the checksum after it. Raises EOFError when the end is missing."""
        while self.read(CHUNK):
            pass
        if self._last != END:
            raise EOFError("the end of the archive is missing")


@frozen
class Room:
    """What a file system can take."""

    free: float
    """Bytes."""
    files: float
    """How many more."""
    size: float
    """Bytes that it can hold when it is empty."""


NO_LIMIT = Room(math.inf, math.inf, math.inf)


def find_room(folder: Path) -> Room:
    """Return the room of a folder's file system. Raises OSError."""
    disk = os.statvfs(folder)
    files = disk.f_favail if disk.f_files else math.inf  # some count none
    return Room(disk.f_bavail * disk.f_frsize, files, disk.f_blocks * disk.f_frsize)


def _take(tar: tarfile.TarFile, reader: Tail, folder: Path | None, judge: "Judge") -> Contents:
    tar.extraction_filter = _trust
    closed: list[tuple[Path, int, float]] = []
    refused = lost = 0
    while member := tar.next():
        tar.members.clear()  # type: ignore[attr-defined] # it would keep them all
        reader.limit = tar.offset + HEADERS
        if not judge.admit(member) or folder is None:
            continue
        path, mode = folder / member.name, member.mode & MODES
        time = member.mtime if 0 <= member.mtime < LATEST else 0
        if member.issym():
            lost += not _make_link(path.symlink_to, member.linkname, path)
            continue
        if member.islnk():
            if not _make_link(path.hardlink_to, target := folder / member.linkname, path):
                shutil.copyfile(target, path)
        else:
            tar.extract(member, folder, set_attrs=False)  # its owner is whoever unpacks it
        if member.isdir():
            closed.append((path, mode, time))
        else:
            refused += not folders.set_as_told(path, mode, time)
    contents = judge.contents()
    roots = {folder, folder / contents.top} if folder else set()
    closed.sort(key=lambda item: len(item[0].parts), reverse=True)
    for path, mode, time in closed:  # now that nothing more is written into them
        wanted = mode | folders.OURS if path in roots else mode
        refused += not folders.set_as_told(path, wanted, time)
    if refused:
        contents.skipped.append(f"modes and times of {refused:,} files: {FIXED}")
    if lost:
        contents.skipped.append(f"symbolic links ({lost:,}): their file system has none")
    return contents


def _make_link(link_to: Callable[[str | Path], None], target: str | Path, path: Path) -> bool:
    """Return whether the file system has such links. Raises OSError.

    tarfile would look for what it leads to, and unpack that in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        link_to(target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return False
    return True


def _trust(member: tarfile.TarInfo, _folder: str) -> tarfile.TarInfo:
    """Return a member as it is, where Python would judge it, too: `Judge` has admitted it."""
    return member


class Judge:
    """Admits the members of one archive, in their order.

    A link may point anywhere, as .venv/bin/python does: nothing is ever written through one.
    """

    def __init__(self, room: Room = NO_LIMIT) -> None:
        self._room = room
        self._files: set[PurePosixPath] = set()
        self._folders: set[PurePosixPath] = set()
        self._links: dict[PurePosixPath, str] = {}
        """Symbolic links, with where they lead."""
        self._skipped: set[PurePosixPath] = set()
        self._stored = 0
        self._contents = Contents()
        self._has_dot = False

    def admit(self, member: tarfile.TarInfo) -> bool:
        """Count a member, and return whether it is unpacked. Raises EvilError."""
        path = _read_path(member.name, member.name)
        self._has_dot |= member.name in (".", "./") or member.name.startswith("./")
        self._check_place(path, member)
        self._check_room(member)
        if member.islnk():
            self._resolve(member)
        if member.isdir():
            self._folders.add(path)
        elif member.issym():
            if not member.linkname or "\0" in member.linkname:
                raise EvilError(f"{member.name} points nowhere")
            self._links[path] = member.linkname
        elif member.isfifo():
            self._skipped.add(path)
            self._contents.skipped.append(f"{member.name}: it is a pipe")
            return False
        else:
            self._files.add(path)
            self._contents.files += 1
            self._contents.size += member.size
        return True

    def _check_place(self, path: PurePosixPath, member: tarfile.TarInfo) -> None:
        name = member.name
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()
                or member.isfifo()):  # fmt: skip
            raise EvilError(f"{name} is a device")
        if not path.parts and not member.isdir():
            raise EvilError("its root is not a folder")
        if len(path.parts) > DEEPEST:
            raise EvilError(f"{name[:100]}… is nested in {len(path.parts):,} folders")
        for parent in path.parents[:-1]:
            if self._is_file(parent):
                raise EvilError(f"{name} is below a file or a link")
        if self._is_file(path) or (not member.isdir() and path in self._folders):
            raise EvilError(f"{name} is in it twice")

    def _is_file(self, path: PurePosixPath) -> bool:
        return path in self._files or path in self._links or path in self._skipped

    def _check_room(self, member: tarfile.TarInfo) -> None:
        parts: list[tuple[int, int]] | None = getattr(member, "sparse", None)
        stored = sum(size for _, size in parts) if parts else member.size
        self._stored += max(stored, 0)
        count = len(self._files) + len(self._folders) + len(self._links)
        if member.size < 0 or member.size > self._room.size or self._stored > self._room.free:
            raise EvilError("there is not enough space for its contents")
        if count >= min(self._room.files, MOST_MEMBERS):
            raise EvilError("there are not enough inodes for its files")

    def _resolve(self, member: tarfile.TarInfo) -> None:
        """Have a hard link be what it leads to, where that is no file. Raises EvilError."""
        target = _read_path(member.linkname, member.name)
        if target in self._links:
            member.type, member.linkname = tarfile.SYMTYPE, self._links[target]
        elif target in self._skipped:
            member.type = tarfile.FIFOTYPE
        elif target not in self._files:
            raise EvilError(f"{member.name} is a hard link to a file that is not in it")

    def contents(self) -> Contents:
        """Return what it holds, after the last member."""
        paths = (*self._files, *self._folders, *self._links)
        tops = {path.parts[0] for path in paths if path.parts}
        if not self._has_dot and len(tops) == 1 and not self._is_file(PurePosixPath(*tops)):
            self._contents.top = tops.pop()
        return self._contents


def _read_path(name: str, member: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise EvilError(f"{member} points outside")
    return path
