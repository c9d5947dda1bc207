"""supervisord, started early: it loads its modules while `configure` works, and waits.

The first life starts it, without the container's environment, and sends it the word to go once
`configure` has done its work: it starts the services while the second life is executed. Where there
are no services it gets no word, and ends when nobody is left who could send one: then there is
nothing to do, whatever happens to init. Its output is a pipe from the start, which becomes the
log's stream in the second life; what the services say until then waits in their FIFOs. See
`agent.init.preload`, which is what runs.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence

from agent.init.children import Children
from agent.init.fifo import open_fifo
from agent.machine.light import runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agent.machine.light.boot_file import Boot

MODULE = "supervisor.supervisord"
PLAIN = (sys.executable, "-I", "-m", MODULE)
"""How an argv begins that it can take the place of."""
ARGV = (sys.executable, "-I", "-m", "agent.init.preload", MODULE)
ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": str(128 * 1024)}
"""All that it has until it gets the word; its services never see this.

glibc's own threshold, in bytes, which stays what it is when somebody sets it: otherwise a request
of megabytes raises it for good, and their memory is kept.
https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
"""
GONE = -1
"""In the place of the pipe, once the word is sent."""


class Early:
    """The process, and the descriptors that lead to it."""

    def __init__(self, pid: int, word: int, reader: int, writer: int, *held: int) -> None:
        """`word` is the pipe that it waits on; `reader` and `writer` are those of its output.

        `held` are FIFOs that are kept open until the second life has them open itself.
        """
        self.pid = pid
        self.word = word
        self.output = reader, writer
        self.held = held

    @property
    def has_begun(self) -> bool:
        """Tell whether the word is sent."""
        return self.word == GONE

    def describe(self) -> str:
        """Return what `take_over` needs, and let an execution keep the descriptors."""
        descriptors = self.word, *self.output, *self.held
        for descriptor in descriptors:
            if descriptor != GONE:
                os.set_inheritable(descriptor, True)
        return ",".join(map(str, (self.pid, *descriptors)))

    def begin(self, boot: "Boot", folder: str) -> bool:
        """Let it start the services of the boot file; False: it has ended. Raises OSError."""
        names = [runtime.EVENTS, *(os.path.join(runtime.STREAMS, name) for name in boot.streams)]
        self.held = tuple(open_fifo(os.path.join(folder, name)) for name in names)
        return self.go(boot.supervisord, folder)

    def go(self, argv: Sequence[str], folder: str) -> bool:
        """Let it be the supervisord of this runtime folder; False: it cannot, or has ended."""
        if self.has_begun:
            for descriptor in self.held:
                os.close(descriptor)
            self.held = ()
            return True
        if tuple(argv[: len(PLAIN)]) != PLAIN:
            self.dismiss()
            return False
        try:
            os.write(self.word, os.fsencode(os.path.join(folder, runtime.BOOT)))
        except BrokenPipeError:
            return False
        finally:
            os.close(self.word)
            self.word = GONE
        return True

    def dismiss(self) -> None:
        """Let it end: it is not wanted."""
        if not self.has_begun:
            os.close(self.word)
            return
        try:
            os.kill(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass  # it has ended


def start(children: Children, null: int, on_end: Callable[[int], None]) -> Early:
    """Start it. Raises OSError."""
    theirs, word = os.pipe()
    reader, writer = os.pipe()
    try:
        streams = (null, writer, writer, theirs)
        child = children.spawn(ARGV, streams, on_end, environment=ENVIRONMENT)
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
    for descriptor in (early.word, *early.output, *early.held):
        if descriptor != GONE:
            os.set_inheritable(descriptor, False)
    return early
