"""Archives of the original's `backup.sh`: workspace-*.tar.gz, judged as they are unpacked.

They may end early (a kill left them so), and name the workspace by the folder that it was then.
Unpacked is to a new folder; only what was whole and harmless is moved to where it belongs.
"""

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from agent.backup import folders
from agent.errors import AgentError, Problem

CHUNK = 1 << 20
END = bytes(2 * tarfile.BLOCKSIZE)
"""What each archive ends with: https://www.gnu.org/software/tar/manual/html_node/Standard.html"""


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


@dataclass
class Merged:
    """What became of moving the files in."""

    replaced: int = 0
    kept: list[Path] = field(default_factory=list)
    """What was in the way of something else of its name; it has this name now."""


def unpack(archive: Path, folder: Path | None) -> Contents:
    """Check an archive to its very end and, if a new folder is given, unpack it there.

    Raises AgentError when it is damaged or has a member that does not belong into a workspace.
    """
    try:
        if folder:
            folder.mkdir()
        with gzip.open(archive) as stream:
            reader = Tail(stream)
            with tarfile.open(fileobj=reader, mode="r|", errorlevel=2) as tar:  # type: ignore[call-overload]
                contents = _take(tar, folder)
            reader.finish()
    except EvilError as error:
        raise AgentError(Problem(f"cannot restore {archive}: {error}")) from error
    except (EOFError, tarfile.TarError, zlib.error, gzip.BadGzipFile) as error:
        problem = Problem(
            f"cannot restore {archive}: it is damaged or ends early ({error})",
            "choose an older one; nothing was changed",
        )
        raise AgentError(problem) from error
    except OSError as error:
        raise AgentError(Problem(f"cannot restore {archive}: {error.strerror or error}")) from error
    return contents


class Tail:
    """A stream that remembers whether it ended as archives do."""

    def __init__(self, stream: "gzip.GzipFile | BinaryIO") -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int) -> bytes:
        """Return up to so many bytes."""
        content = self._stream.read(size)
        self._last = (self._last + content)[-len(END) :]
        return content

    def finish(self) -> None:
        """Read the rest, with the checksum after it. Raises EOFError when the end is missing."""
        while self.read(CHUNK):
            pass
        if self._last != END:
            raise EOFError("the end of the archive is missing")


def _take(tar: tarfile.TarFile, folder: Path | None) -> Contents:
    tar.extraction_filter = _trust
    judge = Judge()
    closed: list[tuple[Path, tarfile.TarInfo]] = []
    for member in tar:
        judge.admit(member)
        if folder is None:
            continue
        # Its owner is whoever unpacks it.
        member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        tar.extract(member, folder)
        if member.isdir():
            closed.append((folder / member.name, member))
            (folder / member.name).chmod(folders.OURS)
    for path, member in reversed(closed):  # now that nothing more is written into them
        path.chmod(member.mode & 0o7777)
        os.utime(path, (member.mtime, member.mtime))
    return judge.contents()


def _trust(member: tarfile.TarInfo, _folder: str) -> tarfile.TarInfo:
    """Return a member as it is, where Python would judge it, too: `Judge` has admitted it."""
    return member


class Judge:
    """Admits the members of one archive, in their order.

    A link may point anywhere, as .venv/bin/python does: nothing is ever written through one.
    """

    def __init__(self) -> None:
        self._files: set[PurePosixPath] = set()
        self._folders: set[PurePosixPath] = set()
        self._others: set[PurePosixPath] = set()
        self._contents = Contents()
        self._has_dot = False

    def admit(self, member: tarfile.TarInfo) -> None:
        """Count a member. Raises EvilError."""
        path = _read_path(member.name, member.name)
        self._has_dot |= member.name in (".", "./") or member.name.startswith("./")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise EvilError(f"{member.name} is a device or a pipe")
        for parent in path.parents[:-1]:
            if parent in self._files or parent in self._others:
                raise EvilError(f"{member.name} lies below a file or a link")
        if path in self._files | self._others if not member.isdir() else path in self._others:
            raise EvilError(f"{member.name} is in it twice")
        if member.isdir():
            self._folders.add(path)
        elif member.issym():
            self._others.add(path)
        else:
            if member.islnk() and _read_path(member.linkname, member.name) not in self._files:
                raise EvilError(f"{member.name} is a hard link to what is not in it")
            self._files.add(path)
            self._contents.files += 1
            self._contents.size += member.size

    def contents(self) -> Contents:
        """Return what it holds, after the last member."""
        tops = {path.parts[0] for path in self._files | self._folders | self._others if path.parts}
        if not self._has_dot and len(tops) == 1 and PurePosixPath(*tops) not in self._files:
            self._contents.top = tops.pop()
        return self._contents


def _read_path(name: str, member: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise EvilError(f"{member} leads out of it")
    return path


# --- moving in ----------------------------------------------------------------------------------


def merge(tree: Path, target: Path, replaced: Path, suffix: str) -> Merged:
    """Move what is in a folder into another one on the same file system.

    Files in the way are moved to the folder `replaced`, by the same relative paths; what else is
    there stays. A folder in the way of a file is renamed: `suffix` is added. Raises OSError.
    """
    merged = Merged()
    _merge(tree, target, replaced, lambda path: path.with_name(path.name + suffix), merged)
    return merged


def _merge(
    tree: Path, target: Path, replaced: Path, aside: Callable[[Path], Path], merged: Merged
) -> None:
    found = tree.stat()
    tree.chmod(folders.OURS)
    if not target.stat().st_mode & stat.S_IWUSR:
        target.chmod(folders.OURS)
    for item in sorted(tree.iterdir()):
        place = target / item.name
        is_folder, in_way = _is_folder(item), os.path.lexists(place)
        if in_way and is_folder and _is_folder(place):
            _merge(item, place, replaced / item.name, aside, merged)
            continue
        if in_way and _is_folder(place):
            merged.kept.append(aside(place))
            place.rename(merged.kept[-1])
        elif in_way:
            replaced.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.rename(replaced / item.name)
            merged.replaced += 1
        folders.move(item, place)
    target.chmod(stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
