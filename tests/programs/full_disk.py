"""Runs a verb of the agent on a disk that is full: `full_disk.py WHERE WORDS…`.

WHERE is a folder, below which nothing new can be opened for writing or made, or `write`: files can
be made, and the verb itself can write nothing into them.
"""

import errno
import os
import stat
import sys
from typing import Any

from agent import __main__

MAKING = {"os.mkdir": 0, "os.rename": 1, "os.symlink": 1, "os.link": 1, "os.truncate": 0}
"""Events of audit hooks -> which of their words is made."""
FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def refuse_below(folder: str) -> None:
    """Have every attempt to write below a folder fail as on a full disk."""

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


def refuse_writing() -> None:
    """Have each write to a file fail; such an error names no file."""
    usual = os.write

    def write(descriptor: int, content: "bytes | memoryview") -> int:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return usual(descriptor, content)

    os.write = write  # type: ignore[assignment]


where, *words = sys.argv[1:]
if where == "write":
    refuse_writing()
else:
    refuse_below(where)
sys.argv = ["devcopilot", *words]
__main__.leave(__main__.main(words))
