"""What a checkout that failed or was killed leaves: files of another commit, and no other trace."""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.machine.light.files import SETTINGS, read_file
from agent.machine.programs import external_commands, steering
from agent.machine.system import Facts

LONGEST = 64 * 1024 * 1024
"""Bytes of a list of all files that git has, or of all that a few of them ever were."""
TIMEOUT = 60.0
"""Seconds that git may take to go through its history."""
HASHES = ("sha1", "sha256")
"""One of them makes the names of a repository's objects."""


def has_left_files(facts: Facts, folder: Path, names: Iterable[str]) -> bool:
    """Return whether git may have written one of these files, as it is in another commit.

    Where the disk was full, a file may be cut off. It is no object then: it is compared with all
    that it was in the history of any branch.
    """
    paths = [folder / name for name in names]
    return _has_whole(facts, folder, paths) or _has_cut_off(facts, folder, paths)


def _has_whole(facts: Facts, folder: Path, paths: Iterable[Path]) -> bool:
    """Return whether one of these files is an object of git's, but not one that is checked out.

    A copy of one that is, such as of a template, is not a checkout's.
    """
    wanted = sorted({name for path in paths for name in _list_objects(path)})
    if not wanted:
        return False
    asked = _run_git(facts, folder, ("cat-file", "--batch-check"), "\n".join(wanted).encode())
    if asked is None:
        return True
    rows = (line.split() for line in asked.split(b"\n"))
    known = {row[0] for row in rows if row[1:2] == [b"blob"]}
    if not known:
        return False
    index = _run_git(facts, folder, ("-c", "core.fsmonitor=false", "ls-files", "--stage", "-z"))
    there = {row.split(maxsplit=2)[1] for row in (index or b"").split(b"\0") if row}
    return not known <= there


def _has_cut_off(facts: Facts, folder: Path, paths: Iterable[Path]) -> bool:
    """Return whether one of these files is the beginning of what it was in some commit."""
    top = Path(os.path.realpath(folder))
    found = {Path(os.path.realpath(path)) for path in paths}
    files = {path.relative_to(top): _read(path) for path in found if top in path.parents}
    beginnings = {
        *files.values(),
        *(_undo_crlf(each).removesuffix(b"\r") for each in files.values()),
    }
    beginnings.discard(b"")
    if not beginnings:
        return False
    words = ("rev-list", "--objects", "--no-object-names", "--full-history", "--ignore-missing",
             "--missing=allow-any", "--all", "--reflog", "FETCH_HEAD", "--")  # fmt: skip
    objects = _run_git(facts, folder, (*words, *(f":(literal){path}" for path in files)))
    if objects is None:
        return True
    said = _run_git(facts, folder, ("cat-file", "--batch"), objects)
    return said is None or any(
        len(each) < len(blob) and blob.startswith(each)
        for blob in _list_blobs(said) for each in beginnings
    )  # fmt: skip


def _list_blobs(said: bytes) -> Iterator[bytes]:
    """Yield the contents of files in what `git cat-file --batch` said."""
    rest = io.BytesIO(said)
    while row := rest.readline().split():
        if len(row) == 3:  # else it is missing
            content = rest.read(int(row[2]))
            rest.readline()
            if row[1] == b"blob":
                yield content


def _run_git(facts: Facts, folder: Path, words: Iterable[str], stdin: bytes = b"") -> bytes | None:
    """Return what git says; None: it cannot say."""
    # What is missing in a partial clone is not fetched: nobody can have checked it out.
    argv = ("git", "-C", str(folder), "-c", "protocol.allow=never", *words)
    environ = steering.clear("git", facts.environ)
    done = external_commands.run(argv, environ, stdin, TIMEOUT, LONGEST)
    return done.stdout if done.returncode == 0 else None


def _list_objects(path: Path) -> Iterator[str]:
    """Yield the names that the content of a file may have as an object of git's.

    https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    for content in _list_contents(path):
        for written in {content, _undo_crlf(content)}:
            for algorithm in HASHES:
                head = b"blob %d\0" % len(written)
                yield hashlib.new(algorithm, head + written, usedforsecurity=False).hexdigest()


def _list_contents(path: Path) -> Iterator[bytes]:
    """Yield what git may have written: a link, and the file to which it leads."""
    with suppress(OSError):
        yield os.fsencode(path.readlink())
    if content := _read(path):
        yield content


def _read(path: Path) -> bytes:
    """Return the content of a file; nothing: it is missing, or can hold no code."""
    try:
        return read_file(path, SETTINGS)
    except OSError:
        return b""


def _undo_crlf(content: bytes) -> bytes:
    """Return what git has of a file that it wrote with core.autocrlf."""
    return content.replace(b"\r\n", b"\n")
