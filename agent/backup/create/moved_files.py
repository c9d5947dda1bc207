"""Finds files that move during a backup: each is compared with where it was at the last look.

restic lists a folder once. What comes meanwhile from a folder that it has not seen yet to one that
it has is in the backup at neither place, and nothing tells.
"""

import os
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.machine.storage.birth_times import find_birth_time


class Places:
    """The names that one look sees; with the look before, what came to its place since."""

    def __init__(self, before: "Places | None" = None, began: int = 0) -> None:
        """`began`: when this look begins, in nanoseconds since the epoch.

        That is so early that the kernel dates nothing before it that changes from now on.
        """
        self.began = began
        self.ended = began
        """Set when it is over: it has seen no file that was made later."""
        self._before = before
        if before:
            before._before = None  # each look is compared with one alone
        self._names = array("q")
        """Of each name a hash of the path and the inode."""
        self._inodes = array("Q")
        self._folders: dict[str, int] = {}
        """Of each folder when it was last changed, in ns: who adds or removes a name changes it."""
        self._changed: set[str] = set()
        """Folders that may hold more than at the look before."""
        self._candidates: dict[int, tuple[str, os.stat_result]] = {}

    def note_folder(self, path: str, at: os.stat_result) -> None:
        """Note a folder, before what is in it."""
        self._folders[path] = changed = _find_change(at)
        if self._before and not self._before._is_as_seen(path, changed):
            self._changed.add(path)

    def are_as_seen(self) -> bool:
        """Tell whether no folder has got or lost a name since: a twentieth of a further look."""
        try:
            times = ((path, _find_change(os.lstat(path))) for path in self._folders)
            return all(self._is_as_seen(path, changed) for path, changed in times)
        except OSError:
            return False

    def _is_as_seen(self, folder: str, changed: int) -> bool:
        """Tell whether a folder that was last `changed` then, in ns, is as this look saw it."""
        return self._folders.get(folder) == changed < self.began

    def note(self, folder: str, path: str, at: os.stat_result) -> None:
        """Note what is in a folder, other folders too."""
        key = hash((path, at.st_ino))
        self._names.append(key)
        self._inodes.append(at.st_ino)
        if folder in self._changed:
            self._candidates[key] = path, at

    def find_moved(self, birth: Callable[[str], int | None] = find_birth_time) -> Iterator[Path]:
        """Yield what was there at the look before, and has got this name since.

        Of a folder that is all: not what is in it. A second name of a file looks the same. `birth`
        tells when a file was made: a new one may have the inode of one that is gone. Where nobody
        knows, one that was written since that look ended counts as new.
        """
        if not self._before or not self._candidates:
            return
        for key in self._before._names:
            self._candidates.pop(key, None)
        inodes = {at.st_ino for _, at in self._candidates.values()}
        known = inodes.intersection(self._before._inodes)
        moved: set[str] = set()
        for path, at in self._candidates.values():  # a folder comes before what is in it
            if os.path.dirname(path) in moved:  # noqa: PTH120 - of names, by the thousand
                moved.add(path)
            elif at.st_ino in known:
                made = birth(path)
                if (at.st_mtime_ns if made is None else made) < self._before.ended:
                    moved.add(path)
                    yield Path(path)


def _find_change(folder: os.stat_result) -> int:
    """Return when a folder was last changed, in nanoseconds: also where its date was set back.

    A file system without a time of change has that of creation in its place, or the date.
    """
    return max(folder.st_mtime_ns, folder.st_ctime_ns)
