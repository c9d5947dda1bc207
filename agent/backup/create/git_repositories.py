"""Repositories of git that somebody works in: what names objects is copied before restic reads any.

restic reads a folder in the order of its names: `objects` before `packed-refs` and `refs`. A commit
in between would leave a branch that names what is not in the backup. It opens files in that order,
but reads them later, and git writes its logs in place. So HEAD, the branches and tags, their logs,
and what else comes after the objects is copied first, into one archive for each repository among
the consistent copies; a restore puts it in place. Everything that a ref names is written
before the ref is. https://git-scm.com/docs/gitrepository-layout
"""

import errno
import filecmp
import io
import os
import shutil
import stat
import tarfile
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from agent.machine.light import runtime
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.values import frozen

NAME = "devcopilot-refs.tar"
"""What the name of an archive ends with, in the copies' folder of the repository."""
FOLDERS = ("logs", "refs", "reftable")
TABLES = "reftable/tables.list"
WORKTREES = "worktrees"
WORKTREE_FILES = ("HEAD", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "index")
WORKTREE_FOLDERS = ("refs", "logs")
LOCK = ".lock"
LOCKS = tuple(f"{name}{LOCK}" for name in ("HEAD", "packed-refs", "shallow", "index", "config"))
DEAD_LOCK = 600.0
"""Seconds: a lock that is older was left behind, and is no sign of work."""
MOST_BYTES = 256 * 2**20
"""Of one file: an index of a million files takes less."""
TRIES = 5
"""Looks at a folder whose files vanish meanwhile."""
POINTS = b"gitdir: "
"""What a file named .git begins with: that of a worktree or of a submodule."""
PACK = regex(r"/objects/pack/pack-[0-9a-f]+\.(?:pack|idx)$")
"""What holds objects. https://git-scm.com/docs/gitformat-pack"""


@frozen
class Entry:
    """One file in a repository."""

    mode: int
    content: bytes
    """Of a link: where it leads."""
    is_link: bool = False


HEAD = regex(rb"ref:|[0-9a-f]{40}|\0|\Z")
"""What the file begins with that makes a folder a repository; after a power cut it may be empty."""


def is_repository(folder: Path) -> bool:
    """Tell whether a folder with HEAD, objects and refs is a repository, and not just named so."""
    try:
        return bool(HEAD.match(read_file(folder / "HEAD", SETTINGS)))
    except OSError:
        return True  # what keeps it from being read is told when it is copied


def find_lenders(repository: Path) -> Iterator[Path]:
    """Yield the folders from which a repository borrows objects, by their names alone.

    See gitrepository-layout(5). One in quotes, with odd characters in its name, is passed over.
    """
    objects = repository / "objects"
    with suppress(OSError):
        for line in read_file(objects / "info/alternates", SETTINGS).split(b"\n"):
            if line and line[:1] not in (b"#", b'"'):
                yield _resolve(objects, line)


def find_home(pointer: Path) -> Path | None:
    """Return where a file named .git says that the repository is; None: it says nothing."""
    try:
        words = read_file(pointer, SETTINGS)
    except OSError:
        return None
    is_pointer = words.startswith(POINTS)
    return _resolve(pointer.parent, words[len(POINTS) :].rstrip(b"\n")) if is_pointer else None


def _resolve(folder: Path, name: bytes) -> Path:
    """Return an absolute path without looking at anything: what is there may not answer."""
    return Path(os.path.normpath(folder / os.fsdecode(name)))


def find_places(
    repositories: Iterable[Path], staging: Path, others: Collection[Path]
) -> dict[Path, Path]:
    """Return repository -> where its archive is in `staging`.

    `others`: files whose copies are there, too. Where one of them, or a folder above it, is called
    as an archive is, that gets another name.
    """
    return {path: staging / _find_free(path, others).relative_to("/") for path in repositories}


def _find_free(repository: Path, others: Collection[Path]) -> Path:
    names = (f"{number}-{NAME}" if number else NAME for number in count())
    places = (repository / name for name in names)
    return next(place for place in places if not any(path.is_relative_to(place) for path in others))


def copy_all(places: Mapping[Path, Path]) -> list[str]:
    """Copy what names objects in each; return what could not be copied, with the cause.

    `places`: repository -> where its archive lies.
    """
    failures = []
    for repository, place in places.items():
        try:
            _copy(repository, place)
        except OSError as error:
            if os.path.lexists(repository / "HEAD"):
                cause = error.strerror or str(error)
                failures.append(f"{repository}: no consistent copy of its branches: {cause}")
    return failures


def _copy(repository: Path, place: Path) -> None:
    """Copy one, and leave the archive of the last time alone where it holds the same."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".new-", dir=place.parent, delete=False) as file:
        try:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                for name, entry in read(repository).items():
                    _add(archive, name, entry)
            file.flush()
            if place.is_file() and filecmp.cmp(file.name, place, shallow=False):
                return
            Path(file.name).rename(place)
        finally:
            Path(file.name).unlink(missing_ok=True)


def _add(archive: tarfile.TarFile, name: str, entry: Entry) -> None:
    """Add a file without what differs each time, such as its times."""
    info = tarfile.TarInfo(name)
    info.mode = entry.mode
    if entry.is_link:
        info.type, info.linkname = tarfile.SYMTYPE, os.fsdecode(entry.content)
        archive.addfile(info)
    else:
        info.size = len(entry.content)
        archive.addfile(info, io.BytesIO(entry.content))


def read(repository: Path) -> dict[str, Entry]:
    """Return what names objects in a repository: relative path -> file. Raises OSError."""
    for _ in range(TRIES):
        found: dict[str, Entry] = {}
        for name in _list(repository):
            with suppress(FileNotFoundError, NotADirectoryError):
                found[name] = _read_entry(repository / name)
        if _has_all_tables(found):
            return found
    raise OSError("they keep changing")


def _has_all_tables(found: Mapping[str, Entry]) -> bool:
    """Tell whether the tables of refs are there that their list names, where there is one.

    https://git-scm.com/docs/reftable
    """
    listed = found.get(TABLES)
    names = listed.content.decode(errors="replace").split() if listed else []
    return all(f"reftable/{name}" in found for name in names)


def _list(repository: Path, *, with_locks: bool = False) -> Iterator[str]:
    """Yield the names of what is copied, in the order in which git itself looks.

    HEAD, single refs, those that are packed: one that moves meanwhile is seen at least once, if
    each is read before the next is asked for. The lock of somebody at work is no part of it.
    """
    yield "HEAD"
    for worktree in _list_folder(repository / WORKTREES):
        top = f"{WORKTREES}/{worktree}"
        yield from (f"{top}/{name}" for name in WORKTREE_FILES)
        for folder in WORKTREE_FOLDERS:
            yield from _walk(repository, f"{top}/{folder}", with_locks)
    for folder in FOLDERS:
        yield from _walk(repository, folder, with_locks)
    yield from ("packed-refs", "shallow")
    yield from (name for name in LOCKS if with_locks or not _is_fresh(repository / name))


def _walk(repository: Path, top: str, with_locks: bool) -> Iterator[str]:
    for name in _list_folder(repository / top):
        path = f"{top}/{name}"
        if (repository / path).is_dir() and not (repository / path).is_symlink():
            yield from _walk(repository, path, with_locks)
        elif with_locks or not (name.endswith(LOCK) and _is_fresh(repository / path)):
            yield path


def _list_folder(folder: Path) -> list[str]:
    """Return the names in a folder; none of what is no folder, or a link to one."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return []
        raise
    try:
        return sorted(os.listdir(descriptor))  # noqa: PTH208 - of a descriptor
    finally:
        os.close(descriptor)


def _is_fresh(lock: Path) -> bool:
    try:
        return time.time() - lock.lstat().st_mtime < DEAD_LOCK
    except OSError:
        return True


def _read_entry(path: Path) -> Entry:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return Entry(0o777, os.fsencode(path.readlink()), is_link=True)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(errno.ENOENT, "it is no file", str(path))
    return Entry(stat.S_IMODE(found.st_mode), read_file(path, MOST_BYTES))


# --- at a restore ---------------------------------------------------------------------------------


def put(place: Path, repository: Path) -> None:
    """Make what names objects in a restored repository as it is in this archive. Raises OSError.

    What is so already is not touched.
    """
    wanted = _extract(place)
    for name in [*_list(repository, with_locks=True)]:
        path = repository / name
        if name not in wanted and os.path.lexists(path):
            _check_way(repository, path)
            path.unlink()
    for name, entry in wanted.items():
        path = repository / name
        try:
            is_same = _read_entry(path) == entry
        except OSError:
            is_same = False
        if not is_same:
            _write(repository, path, entry)


def _extract(place: Path) -> dict[str, Entry]:
    found = {}
    with tarfile.open(place) as archive:
        for info in archive:
            inner = Path(info.name)
            if inner.is_absolute() or ".." in inner.parts:
                raise OSError(f"{info.name} is no name in a repository")
            file = archive.extractfile(info) if info.isreg() else None
            content = file.read() if file else os.fsencode(info.linkname)
            found[info.name] = Entry(info.mode, content, is_link=info.issym())
    return found


def _write(repository: Path, path: Path, entry: Entry) -> None:
    """Write one file at once, for the owner of the repository."""
    _check_way(repository, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    owner, around = repository.stat(), path.parent.stat()
    fresh = Path(tempfile.mkdtemp(prefix=".devcopilot-", dir=path.parent)) / "file"
    try:
        if entry.is_link:
            fresh.symlink_to(os.fsdecode(entry.content))
        else:
            fresh.write_bytes(entry.content)
            runtime.set_mode(fresh, entry.mode)
        with suppress(PermissionError):  # then it is ours already
            os.chown(fresh, owner.st_uid, owner.st_gid, follow_symlinks=False)
        if path.is_dir() and not path.is_symlink():
            path.rmdir()  # git leaves empty folders of refs behind
        fresh.rename(path)
    finally:
        shutil.rmtree(fresh.parent)
    with suppress(PermissionError):  # the folder is somebody else's
        os.utime(path.parent, ns=(around.st_atime_ns, around.st_mtime_ns))


def _check_way(repository: Path, path: Path) -> None:
    inner = path.parent.relative_to(repository)
    if os.path.realpath(path.parent) != str(Path(os.path.realpath(repository)) / inner):
        raise OSError("a link is on the way to it")
