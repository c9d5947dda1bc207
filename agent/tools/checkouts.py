"""What a checkout that failed or was killed leaves: files of another commit, and no other trace."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.machine import external_commands, steering
from agent.machine.files import SETTINGS, read_file
from agent.machine.system import Facts

LONGEST_INDEX = 64 * 1024 * 1024
"""Bytes of a list of all files that git has."""
HASHES = ("sha1", "sha256")
"""One of them makes the names of a repository's objects."""


def has_left_files(facts: Facts, folder: Path, names: Iterable[str]) -> bool:
    """Return whether git may have written one of these files, as it is in another commit.

    It has their content as an object then, and no file that it has checked out is the same: a copy
    of one of those, such as of a template, is not a checkout's.
    """
    wanted = sorted({name for path in names for name in _list_objects(folder / path)})
    if not wanted:
        return False
    # What is missing in a partial clone is not fetched: nobody can have checked it out.
    words = ("-c", "protocol.allow=never", "cat-file", "--batch-check")
    asked = _run_git(facts, folder, words, "\n".join(wanted).encode())
    if asked is None:
        return True
    rows = (line.split() for line in asked.split(b"\n"))
    known = {row[0] for row in rows if row[1:2] == [b"blob"]}
    if not known:
        return False
    index = _run_git(facts, folder, ("-c", "core.fsmonitor=false", "ls-files", "--stage", "-z"))
    there = {row.split(maxsplit=2)[1] for row in (index or b"").split(b"\0") if row}
    return not known <= there


def _run_git(facts: Facts, folder: Path, words: Iterable[str], stdin: bytes = b"") -> bytes | None:
    """Return what git says; None: it cannot say."""
    argv = ("git", "-C", str(folder), *words)
    environ = steering.clear("git", facts.environ)
    done = external_commands.run(argv, environ, stdin, limit=LONGEST_INDEX)
    return done.stdout if done.returncode == 0 else None


def _list_objects(path: Path) -> Iterator[str]:
    """Yield the names that the content of a file may have as an object of git's.

    https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    try:
        content = os.fsencode(path.readlink()) if path.is_symlink() else read_file(path, SETTINGS)
    except OSError:
        return
    for written in {content, content.replace(b"\r\n", b"\n")}:  # core.autocrlf
        for algorithm in HASHES:
            head = b"blob %d\0" % len(written)
            yield hashlib.new(algorithm, head + written, usedforsecurity=False).hexdigest()
