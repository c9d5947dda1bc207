"""The watched files. A copy of init looks at them: a path may be on a mount that never answers.

Only the copy would wait for it then. It shares its memory with init, sleeps between two looks, and
ends with init.
"""

import gc
import os
import select
import signal
import time
from collections.abc import Callable, Sequence

from agent.init.children import Child, Children
from agent.init.loop import Loop

LOOK = 5.0
"""Seconds between two looks."""

Stamp = tuple[int, int, int, int]
COARSE_CLOCK = 5
"""CLOCK_REALTIME_COARSE, by which the kernel dates what happens to a file: clock_gettime(2)."""


class Watch:
    """Tells when a file is another than it was at the last look."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        paths: Sequence[str],
        on_change: Callable[[Sequence[str]], None],
    ) -> None:
        """`on_change` gets all that changed between two looks.

        A file that cannot be looked at counts as missing.
        """
        self._loop = loop
        self._children = children
        self._paths = paths
        self._on_change = on_change
        self._child: Child | None = None
        self._stopping = False
        self._rest = b""
        # Both ends are kept: the pipe outlives a copy that was killed.
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        loop.watch(self._reader, self._read)
        self._start(since=time.clock_gettime_ns(COARSE_CLOCK))

    def stop(self) -> None:
        """End the copy."""
        self._stopping = True
        if self._child:
            self._child.send(signal.SIGKILL)

    def _start(self, since: int) -> None:
        """Start a copy, to which what has changed since then, in ns, is news."""
        if self._stopping:
            return
        try:
            self._child = self._children.fork(
                lambda: look(self._paths, self._writer, since),
                self._on_end,
                keep=(self._writer,),
            )
        except OSError:  # there are as many processes as there may be
            self._on_end(0)

    def _on_end(self, code: int) -> None:  # noqa: ARG002 - it never ends by itself
        self._child = None
        self._loop.after(LOOK, lambda: self._start(since=0))  # it has missed looks

    def _read(self) -> None:
        *numbers, self._rest = (self._rest + os.read(self._reader, 4096)).split(b"\n")
        self._on_change([self._paths[int(number)] for number in numbers])


def look(paths: Sequence[str], writer: int, since: int) -> None:
    """Write the number of each path that has changed; return when nobody reads that any more.

    The first look may come late, on a busy machine: what has changed `since` then, in ns, counts.
    """
    gc.disable()  # a collection would write to all the memory that is shared
    reader_gone = select.poll()
    reader_gone.register(writer, 0)  # tells of nothing but an error
    first = [(path, take_stamp(path)) for path in paths]
    seen = [None if has_changed(path, since) else stamp for path, stamp in first]
    pause = 0.0
    while not reader_gone.poll(pause * 1000):
        pause = LOOK
        before, seen = seen, [take_stamp(path) for path in paths]
        changed = [number for number in range(len(paths)) if seen[number] != before[number]]
        if changed:
            os.write(writer, b"".join(b"%d\n" % number for number in changed))


def has_changed(path: str, since: int) -> bool:
    """Tell whether a file is newer than that, in ns, or has been put there since."""
    try:
        return max(os.lstat(path).st_ctime_ns, os.stat(path).st_ctime_ns) >= since
    except OSError:
        return False


def take_stamp(path: str) -> Stamp | None:
    """Return what tells one content of a file from the next, links followed; None: no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
