"""supervisord, started early: it loads its modules while `configure` works, and waits.

The first life starts it, in an empty environment; it outlives the execution of the second, which
sends it the word to go or, where there are no services, none. It ends when nobody is left who could
send one: whatever happens to init, there is nothing to do. Its output is a pipe from the start,
which then becomes the log's stream. See `agent.init.preload`, which is what runs.
"""

import os
import sys
from collections.abc import Callable, Sequence

from agent.init.children import Children
from agent.machine import runtime

MODULE = "supervisor.supervisord"
PLAIN = (sys.executable, "-I", "-m", MODULE)
"""How an argv begins that it can take the place of."""
ARGV = (sys.executable, "-I", "-m", "agent.init.preload", MODULE)


class Early:
    """The process, and the descriptors that lead to it."""

    def __init__(self, pid: int, word: int, reader: int, writer: int) -> None:
        """`word` is the pipe that it waits on; `reader` and `writer` are those of its output."""
        self.pid = pid
        self.word = word
        self.output = reader, writer

    def describe(self) -> str:
        """Return what `take_over` needs, and let an execution keep the descriptors."""
        for descriptor in (self.word, *self.output):
            os.set_inheritable(descriptor, True)
        return ",".join(map(str, (self.pid, self.word, *self.output)))

    def go(self, argv: Sequence[str], folder: str) -> bool:
        """Let it become the supervisord of this runtime folder; False: it cannot, or has ended."""
        if tuple(argv[: len(PLAIN)]) != PLAIN:
            self.dismiss()
            return False
        try:
            os.write(self.word, os.fsencode(os.path.join(folder, runtime.BOOT)))
        except BrokenPipeError:
            return False
        finally:
            os.close(self.word)
        return True

    def dismiss(self) -> None:
        """Let it end: it is not wanted."""
        os.close(self.word)


def start(children: Children, null: int, on_end: Callable[[int], None]) -> Early:
    """Start it. Raises OSError."""
    theirs, word = os.pipe()
    reader, writer = os.pipe()
    try:
        streams = (null, writer, writer, theirs)
        child = children.spawn(ARGV, streams, on_end, environment={})
    except OSError:
        for descriptor in (word, reader, writer):
            os.close(descriptor)
        raise
    finally:
        os.close(theirs)
    return Early(child.pid, word, reader, writer)


def take_over(description: str) -> Early:
    """Return the process that an earlier life of this process described."""
    early = Early(*map(int, description.split(",")))
    for descriptor in (early.word, *early.output):
        os.set_inheritable(descriptor, False)
    return early
