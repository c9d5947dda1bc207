"""A disk that is full, for the process that these are called in, until it ends."""

import errno
import os
import stat
import sys
from pathlib import Path
from typing import Any

MAKING = {"os.mkdir": 0, "os.rename": 1, "os.symlink": 1, "os.link": 1, "os.truncate": 0}
"""Events of audit hooks -> which of their words is made."""
FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def refuse_below(folder: str) -> None:
    """Have every attempt to open something for writing, or to make it, below a folder fail."""

    def watch(event: str, words: tuple[Any, ...]) -> None:
        if event == "open":
            path = words[0] if words[2] & FOR_WRITING else None
        elif event in MAKING:
            path = words[MAKING[event]]
        else:
            return
        if not isinstance(path, str | bytes):  # an open file
            return
        name = os.fsdecode(path)
        if os.path.realpath(name).startswith(f"{folder}/"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    sys.addaudithook(watch)


def refuse_writing(folder: str = "", room: Path = Path("/nowhere")) -> None:
    """Have each write to a file below a folder fail, by default to all, until `room` is there.

    It can still be made, and such an error names no file.
    """
    usual = os.write

    def write(descriptor: int, content: "bytes | memoryview") -> int:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        is_ours = stat.S_ISREG(os.fstat(descriptor).st_mode) and path.startswith(f"{folder}/")
        if is_ours and not room.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return usual(descriptor, content)

    os.write = write  # type: ignore[assignment]
