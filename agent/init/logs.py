"""The log child and what leads to it: one pipe or FIFO a stream.

Init holds every reading end, so that nothing is lost while the child is started again, and a
writing end of the FIFOs, so that they outlive any writer. Nobody who writes may ever have to wait
for the log child: one that was stopped goes on at once, one that hangs ends itself, and while there
is none init takes the oldest lines out of a stream that is about to be full.
"""

import fcntl
import os
import signal
import sys
from collections.abc import Iterable

from agent.init import turn
from agent.init.children import Child, Children
from agent.init.fifo import open_fifo
from agent.init.loop import Loop, Timer
from agent.init.states import LogState
from agent.init.stop import Stoppable
from agent.machine.light import proc, runtime
from agent.machine.light.backoff import Backoff
from agent.machine.light.boot_file import Boot
from agent.machine.light.log import Logger

MODULE = "agent.init.logger"
AGENT = "agent"
SUPERVISORD = "supervisord"
PAUSES = Backoff(0.1, 2.0)
"""Seconds until a log child that keeps ending is started again."""
LONG_LIFE = 60.0
"""Seconds after which an end is not taken for one of a row."""
RELIEF_STEP = 0.02
"""Seconds between two looks at how full the streams are, while there is no log child."""
MOST_WAITING = 16 * 1024
"""Bytes that may wait in a stream meanwhile. A pipe has room for 64 KiB, and for half of that when
each line takes a little more than half of a page."""
PIECE = 4096
LONGEST_LINE = 16 * 1024
_FIONREAD = 0x541B  # asm-generic/ioctls.h; the module `termios` knows it, too
FLUSH_TIMEOUT = 3.0
"""Seconds that the log child gets for its last lines. It allows itself less, and on a machine that
is busy it may have the processor late: the last lines say why the container ends."""
HANG = 0.7
"""Seconds in which it neither has a processor nor waits for one, after which it is not waited for.
It waits itself for less, for an output that takes nothing."""
LOOK = 0.1
"""Seconds between two looks whether it hangs."""


class Logs(Stoppable):
    """Owns the log child."""

    def __init__(self, loop: Loop, children: Children, null: int) -> None:
        self._loop = loop
        self._children = children
        self._null = null
        self._argv: list[str] = []
        self._readers: dict[str, int] = {}
        self.state = LogState.OFF
        self._child: Child | None = None
        self._started = 0.0
        """When the present one was started, or the last one tried, by the loop's clock."""
        self._quick_ends = 0
        """In a row."""
        self._restart: Timer | None = None
        self._relief: Timer | None = None
        self._lost: dict[str, int] = {}
        self._turn = turn.make()

    def open(
        self,
        folder: str,
        boot: Boot,
        output: int,
        level: str,
        supervisord: tuple[int, int] | None = None,
    ) -> Logger:
        """Make the pipes and FIFOs, start the log child; return init's own way into it.

        `supervisord` is the pipe of that stream, where there is one already. Raises OSError.
        """
        reader, writer = os.pipe()
        # Init must never block, its children must not meet a descriptor that does not: two
        # descriptions of one pipe.
        self.agent = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY)
        os.set_blocking(writer, False)
        self._add(AGENT, reader)
        reader, self.supervisord = supervisord or os.pipe()
        self._add(SUPERVISORD, reader)
        for name in boot.streams:
            self._add(name, open_fifo(os.path.join(folder, runtime.STREAMS, name)))
        self._argv = [
            sys.executable, "-I", "-m", MODULE, "--runtime", folder,
            "--format", boot.log_format, "--level", level, "--output", str(output),
            "--turn", str(self._turn[0]),
            *(f"{name}={descriptor}" for name, descriptor in self._readers.items()),
        ]  # fmt: skip
        self.logger = Logger("init", "debug", writer)
        self._start()
        return self.logger

    def stop(self) -> None:
        """See to it that what there is gets written; each try has FLUSH_TIMEOUT, and may not hang.

        A log child that has begun its work does it. One that still starts may do so for seconds
        where the machine is busy: a copy of init is at work sooner.
        """
        self._loop.cancel(self._restart)
        self._loop.cancel(self._relief)
        self.state = LogState.STOPPING
        if not self._child:
            self._flush()
        elif turn.take(self._turn[0]):
            self._child.send(signal.SIGKILL)  # then comes `_on_end`
        else:
            self._child.send(signal.SIGTERM)
            self._limit(self._child)

    def ended(self) -> bool:  # noqa: D102
        return self.state is LogState.ENDED

    def kill(self) -> None:
        """Leave it: the last words matter, and its own limit is short."""

    def name_remaining(self) -> Iterable[str]:
        """Return nothing: it is not killed."""
        return ()

    def _limit(self, child: Child) -> None:
        """Cut off what writes the last lines and is not done in time, or hangs."""
        self._loop.after(FLUSH_TIMEOUT, lambda: self._cut_off(child))
        self._look(child, proc.count_switches(child.pid), self._loop.now())

    def _look(self, child: Child, switches: int | None, moved: float) -> None:
        """`switches` is how many it had by then, and `moved` when it last had or wanted a turn."""
        if self._child is not child or switches is None:  # nobody knows
            return
        now, latest = self._loop.now(), proc.count_switches(child.pid)
        if latest != switches or proc.want_processor({child.pid}):
            moved = now
        if now - moved >= HANG:
            self._cut_off(child)
        else:
            self._loop.after(LOOK, lambda: self._look(child, latest, moved))

    def _cut_off(self, child: Child) -> None:
        if self._child is child:
            child.send(signal.SIGKILL)

    def _add(self, name: str, reader: int) -> None:
        os.set_blocking(reader, False)
        self._readers[name] = reader

    def _start(self) -> None:
        streams = (self._null, None, None)
        self._started = self._loop.now()
        turn.offer(self._turn)
        try:
            self._child = self._children.spawn(
                self._argv,
                streams,
                self._on_end,
                inherit=(self._turn[0], *self._readers.values()),
                blocked=(signal.SIGTERM,),  # until it is ready for it: it has lines to save
            )
        except OSError:
            self._on_end(0)
            return
        self.state = LogState.RUNNING
        self._spare(self._child)
        self._loop.cancel(self._relief)
        self._report_losses()

    def _on_end(self, code: int) -> None:
        self._child = None
        if self.state is LogState.STOPPING:
            self._end_or_flush(code)
            return
        self.state = LogState.PAUSING
        is_quick = self._loop.now() - self._started <= LONG_LIFE
        self._quick_ends = self._quick_ends + 1 if is_quick else 0
        self._restart = self._loop.after(PAUSES.pause(self._quick_ends), self._start)
        self.logger.warning("the log process exited, restarting it", code=code)
        self._relieve()

    def _report_losses(self) -> None:
        for name, count in self._lost.items():
            self.logger.warning(
                f"{count} bytes of {name} were lost: the log process was not running"
            )
        self._lost.clear()

    def _end_or_flush(self, code: int) -> None:
        """Have the last lines written by a copy of init, unless the log child has done it."""
        if code == 0:
            self.state = LogState.ENDED
        else:
            self._flush()

    def _flush(self) -> None:
        self._report_losses()
        try:
            self._child = self._children.fork(
                self._write_last_lines, self._on_flushed, keep=tuple(self._readers.values())
            )
        except OSError:
            self.state = LogState.ENDED
            return
        self._spare(self._child)
        self._limit(self._child)

    def _spare(self, child: Child) -> None:
        """Let it go on when the orphans are ended, and when something has stopped it."""
        child.on_suspend = self._resume
        child.spared = True

    def _write_last_lines(self) -> int:
        from agent.init.logger import __main__ as logger  # noqa: PLC0415 - only this copy needs it

        return logger.flush(self._argv[self._argv.index(MODULE) + 1 :])

    def _on_flushed(self, code: int) -> None:  # noqa: ARG002 - there is nobody to tell
        self._child = None
        self.state = LogState.ENDED

    def _resume(self, number: int) -> None:  # noqa: ARG002 - whatever has stopped it
        """Let it go on: everybody would wait for it."""
        if self._child:
            self._child.send(signal.SIGCONT)

    def _relieve(self) -> None:
        """Make room in the streams, and look again until there is a log child."""
        for name, reader in self._readers.items():
            if lost := drop_oldest(reader):
                self._lost[name] = self._lost.get(name, 0) + lost
        self._loop.cancel(self._relief)
        self._relief = self._loop.after(RELIEF_STEP, self._relieve)


def drop_oldest(reader: int) -> int:
    """Take whole lines out of a pipe until little waits in it; return how many bytes it were."""
    lost, limit, data = 0, 0, b""
    try:
        while count_waiting(reader) > MOST_WAITING:
            data = os.read(reader, PIECE)
            lost += len(data)
            limit = lost + LONGEST_LINE
        # The rest of a line might show a half of a secret, which nobody would know.
        while lost < limit and not data.endswith(b"\n"):
            data = os.read(reader, 1)
            lost += 1
    except BlockingIOError:
        pass
    return lost


def count_waiting(reader: int) -> int:
    """Return how many bytes could be read from a pipe."""
    return int.from_bytes(fcntl.ioctl(reader, _FIONREAD, bytes(4)), sys.byteorder)
