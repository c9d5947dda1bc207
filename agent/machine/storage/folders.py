"""Folders that somebody may change meanwhile: no link is followed, and nothing half done stays."""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.machine.errors import AgentError, Problem

STAGES = "backup/partial"
"""In the state folder: a link to each folder that is being filled."""
CACHE_TAG, CACHE_SIGNATURE = "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"
"""https://bford.info/cachedir/"""
OURS = stat.S_IRWXU
"""What an owner needs to change what is in a folder."""


def to_json_name(name: str) -> str:
    """Return a name as restic's JSON has it: each byte that is no UTF-8 is U+FFFD there."""
    return re.sub("[\udc80-\udcff]", "\ufffd", name)


def find_real(trusted: Path, path: Path) -> list[Path]:
    """Return what may be there under a name of restic's JSON, below a trusted folder.

    That is the name itself, unless it holds a U+FFFD: then all names that read like it.
    """
    return _find_below(trusted, path, _list)


def find_named(path: Path) -> list[Path]:
    """Return what is there under an absolute path of restic's JSON, as `find_real` does.

    Raises OSError when a folder in which a name has to be looked for cannot be listed.
    """
    return _find_below(Path("/"), path, os.listdir)


def _find_below(top: Path, path: Path, list_names: Callable[[Path], list[str]]) -> list[Path]:
    found = [top]
    for part in path.relative_to(top).parts:
        if "\ufffd" not in part:
            found = [folder / part for folder in found]
            continue
        found = [folder / name for folder in found for name in list_names(folder)
                 if to_json_name(name) == part]  # fmt: skip
    return found


def _list(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are wanted
    except OSError:
        return []


@contextlib.contextmanager
def open_folder(trusted: Path, path: Path) -> Iterator[int]:
    """Yield a descriptor (O_PATH) of a folder below a trusted one, reached through no link.

    Folders on the way, without the trusted one, are made writable for their owner: whoever restores
    gives them their modes again. Raises OSError, such as NotADirectoryError for a link.
    """
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(trusted, flags & ~os.O_NOFOLLOW)
    try:
        for part in path.relative_to(trusted).parts:
            inner = os.open(part, flags, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
            _make_writable(descriptor)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_top(path: Path, *, follow: bool = True) -> Iterator[int]:
    """Yield a descriptor of a folder, which its owner may change meanwhile. Raises OSError."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    with _reopen(os.open(path, flags)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def open_inner(folder: int, name: str) -> Iterator[int]:
    """Yield a descriptor of a folder in an open one, as `open_top` does; a link is none."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with _reopen(os.open(name, flags, dir_fd=folder)) as descriptor:
        yield descriptor


@contextlib.contextmanager
def _reopen(found: int) -> Iterator[int]:
    """Yield a descriptor that can be listed, for one that only names a folder; close both."""
    try:
        _make_writable(found)
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found)
    finally:
        os.close(found)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def set_like(descriptor: int, was: os.stat_result) -> None:
    """Give an open folder these permissions and times; one of another owner's keeps its own."""
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IMODE(was.st_mode))
        os.utime(descriptor, ns=(was.st_atime_ns, was.st_mtime_ns))


def set_as_told(path: Path, mode: int, time: float) -> bool:
    """Give what was just made its permissions and time; return whether its file system lets us.

    One that gives one owner and mode to everything does not. Raises OSError for any other reason.
    """
    try:
        os.utime(path, (time, time))  # first: a closed folder cannot be reached as `folder/.`
        path.chmod(mode)
    except PermissionError:
        return False
    return True


def _make_writable(descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid == os.geteuid() and found.st_mode & OURS != OURS:
        # chmod takes no descriptor of this kind, but its name.
        Path(f"/proc/self/fd/{descriptor}").chmod(stat.S_IMODE(found.st_mode) | OURS)


def find_kind(name: str, folder: int) -> int | None:
    """Return the type bits of what an open folder holds under a name, or None."""
    try:
        return stat.S_IFMT(os.lstat(name, dir_fd=folder).st_mode)
    except FileNotFoundError:
        return None


def remove_tree(path: Path) -> None:
    """Remove what is at `path`, folders that their owner may not enter too. Raises OSError."""

    def force(remove: Callable[[str], Any], name: str, _info: object) -> None:
        for folder in (Path(name).parent, Path(name)):
            if not folder.is_symlink() and folder.is_dir():
                folder.chmod(OURS)
        shutil.rmtree(name) if remove in (os.scandir, os.open, os.lstat) else remove(name)

    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, onerror=force)


@contextlib.contextmanager
def stage(folder: Path, name: str, state: Path) -> Iterator[Path]:
    """Yield an empty private folder in `folder`, and remove it with what is still in it.

    It counts as a cache, so that no backup holds it. `state`: the folder in which it is noted; what
    programs that were killed have left is removed first. Raises AgentError when there can be none.
    """
    remove_left(state)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix=f".{name[:100]}.partial-", dir=folder))
    except OSError as error:
        raise AgentError(Problem(f"cannot write {folder}: {error.strerror}")) from error
    note = state / STAGES / place.name
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then one that is killed leaves it for ever
            stack.callback(os.close, _mark(place, note))
            stack.callback(note.unlink, missing_ok=True)
        stack.callback(remove_tree, place)
        yield place


def _mark(place: Path, note: Path) -> int:
    """Lock a folder, have it count as a cache, and note it; return its descriptor."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (place / CACHE_TAG).write_bytes(CACHE_SIGNATURE + b"\n")
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        note.symlink_to(place)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def remove_left(state: Path) -> None:
    """Remove the folders of `stage` that killed programs have left: nobody holds their lock."""
    try:
        notes = list((state / STAGES).iterdir())
    except OSError:
        return
    for note in notes:
        with contextlib.suppress(OSError):
            place = note.readlink()
            if place.name == note.name and os.path.lexists(place) and _is_left(place):
                remove_tree(place)
            if not os.path.lexists(place):
                note.unlink()


def _is_left(place: Path) -> bool:
    """Tell whether it is a folder of `stage` that nobody uses any more."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(place, flags)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return (place / CACHE_TAG).is_file() and ".partial-" in place.name
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename on one file system, also a folder that is read-only. Raises OSError."""
    found = source.lstat()
    is_closed = stat.S_ISDIR(found.st_mode) and not found.st_mode & stat.S_IWUSR
    if is_closed:  # its `..` changes
        source.chmod(stat.S_IMODE(found.st_mode) | stat.S_IWUSR)
    source.rename(target)
    if is_closed:
        target.chmod(stat.S_IMODE(found.st_mode))
