"""What a backup lacks: which of the files that restic complains of really are missing in it.

A file that was only removed while the backup was made is no fault. Everything else is one, whatever
the reason: a folder that may be listed but not entered, a path that is too long, a dead mount.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.backup.create.git_repositories import PACK
from agent.machine.programs.follow import Message, find_words
from agent.machine.storage.folders import find_named, to_json_name

GONE = ("no such file or directory", "not a directory")
"""How restic words ENOENT and ENOTDIR: what it looked for was not there at that moment."""
SLACK = 2_000_000_000
"""Nanoseconds: times of files are as coarse as that on some file systems."""


def find_missing(
    errors: Iterable[Message], unreadable: Mapping[Path, str], began: int
) -> tuple[str, ...]:
    """Return what the backup lacks, each once and with the cause.

    `errors` are restic's. `unreadable`: what another look found closed, with the cause; what still
    is counts although restic says nothing of it. `began`: when restic was started, in
    nanoseconds since the epoch.
    """
    found: dict[str, str] = {}
    for error in errors:
        item = str(error.get("item") or "")
        if not (item and is_harmless(item, find_cause(error), began)):
            found.setdefault(item or find_words(error), format_error(error))
    for path, cause in unreadable.items():
        if to_json_name(str(path)) not in found and _is_closed(path):
            found[str(path)] = f"{path}: {cause}"
    return tuple(found.values())


def is_harmless(item: str, cause: str, began: int) -> bool:
    """Tell whether restic could not read a file for the sole reason that somebody removed it.

    `item` is the path as restic's JSON has it. The file is gone by now: its lstat says ENOENT or
    ENOTDIR. Or it was gone for a while and has come back: what is there now was made since.
    """
    try:
        places = [path for path in find_named(Path(item)) if not is_gone(path)]
        changes = [path.lstat().st_ctime_ns for path in places]
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    was_gone = cause.lower() in GONE
    return not places or (was_gone and all(change >= began - SLACK for change in changes))


def lost_packs(errors: Iterable[Message]) -> tuple[str, ...]:
    """Return the folders of git whose packs vanished before restic had read them, with the cause.

    Their objects are in a pack that came after restic had listed the folder.
    """
    items = (str(error.get("item")) for error in errors if find_cause(error).lower() in GONE)
    found = dict.fromkeys(item.rpartition("/")[0] for item in items if PACK.search(item))
    return tuple(f"{folder}: its packs kept changing" for folder in found)


def find_cause(error: Message) -> str:
    """Return the cause alone, without the call and the path that Go puts before it."""
    return find_words({**error, "item": ""}).rpartition(": ")[2]


def format_error(error: Message) -> str:
    """Return a file that restic could not read, and the cause."""
    item = error.get("item")
    return f"{item}: {find_cause(error)}" if item else find_words(error)


def is_gone(path: Path) -> bool:
    """Tell whether nothing is at a path; what cannot be looked at is not gone."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _is_closed(path: Path) -> bool:
    """Tell whether there is something that cannot be looked at, or not be listed."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            os.scandir(path).close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return False
