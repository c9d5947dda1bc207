"""Files that programs change through memory (mmap): the times of a file may not show such a change.

restic reads a file again only if its size or its times differ. The kernel dates a file when a page
of it is first written to, and not again until that page is on the disk; on tmpfs it never does. So
the time of change (ctime) of such a file is set to now before restic looks at it. Its content and
its time of modification stay as they are.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.backup.create.content import Content
from agent.machine.formats.globs import compile_patterns
from agent.machine.light.files import STATE as LIMIT
from agent.machine.light.files import read_file
from agent.machine.records.documents import STATE, Document
from agent.machine.storage.sqlite import INDEX
from agent.machine.system import Facts

PROC = Path("/proc")
"""File systems that date no change made through memory."""

KNOWN = Document[list[str]](
    STATE, "backup/mapped.json", "files that programs had mapped for writing at the last backup",
    lambda rows: [str(row) for row in rows], list, spare=True,
)  # fmt: skip


def freshen(content: Content, facts: Facts, proc: Path = PROC) -> None:
    """Have restic read again what programs map for writing now, or did at the last backup."""
    excluded = compile_patterns(content.excludes)
    mapped = {
        str(path) for path in find_mapped(proc, content.paths)
        if not any(excluded(str(part)) for part in (path, *path.parents))
    }  # fmt: skip
    known = {*KNOWN.read(facts)}
    for name in mapped | known:
        with suppress(OSError, ValueError):  # somebody else's, gone, or on a read-only mount
            _date_change(Path(name))
    if mapped != known:
        with suppress(OSError):  # a full disk keeps no backup from being made
            KNOWN.write(facts, sorted(mapped))


def find_mapped(proc: Path, tops: Iterable[Path]) -> Iterator[Path]:
    """Yield the files in these folders that a process has mapped for writing, shared with the disk.

    Only processes that we may look at are known. See proc_pid_maps(5).
    """
    chosen = tuple(tops)
    for folder in _list_processes(proc):
        try:
            rows = read_file(folder / "maps", LIMIT).split(b"\n")
        except OSError:
            continue  # it is gone, or another user's
        for row in rows:
            words = row.split(None, 5)
            if len(words) < 6 or words[1][1:2] != b"w" or words[1][3:4] != b"s":
                continue
            path = Path(os.fsdecode(words[5].replace(rb"\012", b"\n")))
            # SQLite maps the index of its log, which is of no use to anybody else.
            if not path.name.endswith(INDEX) and any(path.is_relative_to(top) for top in chosen):
                yield path


def _list_processes(proc: Path) -> list[Path]:
    try:
        return [folder for folder in proc.iterdir() if folder.name.isdecimal()]
    except OSError:
        return []


def _date_change(path: Path) -> None:
    """Set a regular file's time of change to now: chown(2) does, even if it changes no owner.

    It also takes the set-user-ID and set-group-ID bits and the capabilities of a program: one that
    has any is left as it is.
    """
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode) and not mode & (stat.S_ISUID | stat.S_ISGID) and not _has_powers(path):
        os.chown(path, -1, -1, follow_symlinks=False)


def _has_powers(path: Path) -> bool:
    """Tell whether a program has capabilities: see capabilities(7)."""
    try:
        return bool(os.getxattr(path, "security.capability", follow_symlinks=False))
    except OSError:
        return False  # it has none, or its file system knows none
